// Package caps is which parts of root's power a thread has: sets of capabilities with names
// (capabilities(7)), and the order in which they are given up.
//
// Lesson 06 teaches it: there every prctl(2) and capset(2) is shown raw, in its own files.
// What this version adds: names are read as people write them, and one that is unknown is
// refused together with the nearest that is known; docker's meaning of --cap-add and
// --cap-drop; a thread that may not give up what it should is told so, where the library
// underneath says nothing; and the drop looks at the kernel afterwards.
//
//	set.go     sets, and those of a process
//	names.go   their names                    no kernel, no root
//	docker.go  docker's default, add and drop no kernel, no root
//	thread/    the calling thread             the drop, no_new_privs
package caps

import (
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Set is capabilities as the kernel writes them in /proc/PID/status: bit n is capability n.
type Set uint64

// Of is the set of these capabilities: Of(unix.CAP_CHOWN, unix.CAP_KILL).
func Of(capabilities ...int) (s Set) {
	for _, c := range capabilities {
		s |= 1 << c
	}
	return s
}

// Has says whether a capability is in the set.
func (s Set) Has(capability int) bool { return s>>capability&1 == 1 }

// Len is how many there are.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Hex is the set as /proc/PID/status shows it.
func (s Set) Hex() string { return fmt.Sprintf("%016x", uint64(s)) }

// Sets are the five sets of a thread, by the kernel's names for them.
type Sets struct{ Inheritable, Permitted, Effective, Bounding, Ambient Set }

// ParseStatus finds the five sets in a /proc/PID/status.
func ParseStatus(r io.Reader) (s Sets, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Sets{}, err
	}
	wanted := map[string]*Set{
		"CapInh": &s.Inheritable, "CapPrm": &s.Permitted, "CapEff": &s.Effective, "CapBnd": &s.Bounding, "CapAmb": &s.Ambient,
	}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(line, ":")
		set, ok := wanted[field]
		if !ok {
			continue
		}
		v, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return Sets{}, fmt.Errorf("%s: %w", field, err)
		}
		*set = Set(v)
		delete(wanted, field)
	}
	if len(wanted) > 0 {
		return Sets{}, fmt.Errorf("a status without %d of the five sets", len(wanted))
	}
	return s, nil
}

// Proc is where procfs is mounted, unless a caller knows better.
const Proc = "/proc"

// OfProcess reads the sets of a process: those of its first thread.
func OfProcess(proc string, pid int) (Sets, error) {
	return read(filepath.Join(proc, strconv.Itoa(pid), "status"))
}

// Thread reads the sets of the calling thread.
func Thread() (Sets, error) { return read("/proc/thread-self/status") }

// Bounding is the bounding set of the calling thread, asked for one by one: sooner done than
// the kernel has written a status (prctl(2), PR_CAPBSET_READ).
func Bounding() (s Set) {
	for n := range 64 {
		has, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, uintptr(n), 0)
		if errno != 0 { // EINVAL: this kernel has no such capability, and none above it
			break
		}
		s |= Set(has) << n
	}
	return s
}

func read(path string) (Sets, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sets{}, err
	}
	defer f.Close()
	s, err := ParseStatus(f)
	if err != nil {
		return Sets{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Known are the capabilities that the running kernel knows.
func Known(proc string) (Set, error) {
	path := filepath.Join(proc, "sys/kernel/cap_last_cap")
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	last, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 6)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return 1<<(last+1) - 1, nil
}
