// Package seccomp is which system calls a thread may make: a filter as data, its assembly to
// a program of the kernel's small machine, and its installation (seccomp(2)).
//
// Lesson 06 teaches it: there a filter is written instruction by instruction. What this
// version adds: calls are named, and the filter asks for their arguments; foreign numbering
// (another architecture, x32) is refused before a number is looked at; the list is docker's
// in spirit and follows the capabilities that are kept; and everything up to the one call
// that installs it is pure, so that it can be assembled ahead and tested without a kernel.
//
//	filter.go   a filter as data, and its assembly   no kernel, no root
//	docker.go   docker's list                        no kernel, no root
//	calls_*.go  calls that one architecture has
//	install.go  the calling thread
package seccomp

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// An Action is what the kernel does with a call.
type Action uint32

const (
	Allow Action = unix.SECCOMP_RET_ALLOW
	Kill  Action = unix.SECCOMP_RET_KILL_PROCESS // SIGSYS, for the process with all its threads
)

// Errno answers a call with an errno. The kernel does not begin the call.
func Errno(e unix.Errno) Action { return unix.SECCOMP_RET_ERRNO | Action(e) }

// A Rule is one call. Without When it is always meant, with When if all of it holds. Of the
// rules of one call the first that fits decides; if none does, Filter.Otherwise.
type Rule struct {
	Call int // unix.SYS_…
	When []Arg
	Do   Action
}

// An Arg holds if the call's argument Index, with Mask laid over it, is Value. Pointers cannot
// be followed: the filter sees numbers.
type Arg struct {
	Index       int
	Mask, Value uint64
}

// A Filter is a list of what is known, and what happens to the rest.
type Filter struct {
	Rules     []Rule
	Otherwise Action
}

// always: a call that passes, whatever its arguments.
func (r Rule) always() bool { return r.Do == Allow && len(r.When) == 0 }

// Calls are the calls that the filter lets pass, in the order of their numbers. Some may have
// a rule before that forbids certain arguments.
func (f Filter) Calls() (calls []int) {
	calls = make([]int, 0, len(f.Rules))
	for _, r := range f.Rules {
		if r.always() {
			calls = append(calls, r.Call)
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// Where struct seccomp_data has what (seccomp(2)). Arguments have 64 bits, and the machine
// loads 32: the lower half first, as both of our architectures are little-endian.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// x32Bit marks the calls of x32 programs: other numbers under the name of x86-64.
const x32Bit = 0x40000000

// maxProgram is the longest program the kernel takes (BPF_MAXINSNS).
const maxProgram = 4096

// Assemble makes the program. It begins with the architecture, because a number means nothing
// without it: 59 is execve(2) for x86-64 and oldolduname(2) for a 32-bit program.
func (f Filter) Assemble() ([]unix.SockFilter, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	p := append(make([]unix.SockFilter, 0, maxProgram/4), // one that must grow is copied
		load(offsetArch),
		jump(unix.BPF_JEQ, arch, 1, 0),
		ret(Kill),
		load(offsetCall),
		jump(unix.BPF_JGE, x32Bit, 0, 1),
		ret(Errno(unix.ENOSYS)),
	)
	for _, r := range f.Rules {
		if !r.always() {
			p = append(p, r.assemble()...)
		}
	}
	// Numbers that follow one another are one question, and the first range that ends above
	// the number decides.
	for _, r := range ranges(f.Calls()) {
		p = append(p,
			jump(unix.BPF_JGT, r.last, 3, 0),
			jump(unix.BPF_JGE, r.first, 0, 1),
			ret(Allow),
			ret(f.Otherwise),
		)
	}
	p = append(p, ret(f.Otherwise))
	if len(p) > maxProgram {
		return nil, fmt.Errorf("a filter of %d instructions: the kernel takes %d", len(p), maxProgram)
	}
	return p, nil
}

// assemble one rule with conditions: what does not fit goes on behind it.
func (r Rule) assemble() []unix.SockFilter {
	// From the end to the beginning, as a jump has to know how far it goes.
	body := []unix.SockFilter{ret(r.Do)}
	for _, a := range slices.Backward(r.When) {
		for half := range 2 {
			shift := 32 * (1 - half) // the upper half last, so that it comes first
			body = append([]unix.SockFilter{
				load(uint32(offsetArgs + 8*a.Index + shift/8)),
				{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: uint32(a.Mask >> shift)},
				jump(unix.BPF_JEQ, uint32(a.Value>>shift), 0, uint8(len(body))),
			}, body...)
		}
	}
	head := jump(unix.BPF_JEQ, uint32(r.Call), 0, uint8(len(body)))
	// Whoever jumped out of the middle has an argument in the accumulator: the number again.
	return append(append([]unix.SockFilter{head}, body...), load(offsetCall))
}

// check finds what the assembler relies on.
func (f Filter) check() error {
	last := make(map[int]bool, len(f.Rules))
	for _, r := range f.Rules {
		switch {
		case last[r.Call]:
			return fmt.Errorf("call %d has a rule behind one that fits always", r.Call)
		case r.Call < 0 || r.Call >= x32Bit:
			return fmt.Errorf("%d is no system call", r.Call)
		case len(r.When) > 6: // one for each argument, and the jumps over them are short
			return fmt.Errorf("call %d: %d conditions", r.Call, len(r.When))
		}
		last[r.Call] = len(r.When) == 0
		for _, a := range r.When {
			if a.Index < 0 || a.Index > 5 {
				return fmt.Errorf("call %d: there is no argument %d", r.Call, a.Index)
			}
			if a.Value&^a.Mask != 0 {
				return fmt.Errorf("call %d: %#x can never be %#x", r.Call, a.Mask, a.Value)
			}
		}
	}
	return nil
}

type span struct{ first, last uint32 }

// ranges joins neighbours: 0, 1, 2, 5 are 0–2 and 5.
func ranges(calls []int) (out []span) {
	for _, c := range calls {
		n := uint32(c)
		if len(out) > 0 && out[len(out)-1].last+1 == n {
			out[len(out)-1].last = n
			continue
		}
		out = append(out, span{n, n})
	}
	return out
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// jump compares the accumulator with k and skips so many instructions.
func jump(how uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | how | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func ret(a Action) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(a)}
}

// Exactly is an Arg that is one value.
func Exactly(index int, value uint64) Arg { return Arg{index, math.MaxUint64, value} }
