package join

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"reflect"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Program is a process written down in advance: the system calls that it makes, in their
// order. The kernel executes it as it executes any program, and it starts in a tenth of the
// time of a Go program, because there is nothing in it but the calls. A container runtime
// has a reason more: process 1 stays in the container, and so does whatever it consists of.
// This one is a few pages that were made for this container alone.
//
//	p := NewProgram()
//	p.Call("sethostname", unix.SYS_SETHOSTNAME, "box", 3)
//	place := p.Call("open(/proc)", unix.SYS_OPENAT, unix.AT_FDCWD, "/proc", unix.O_PATH)
//	p.Call("fchdir(/proc)", unix.SYS_FCHDIR, place)
//	file, err := p.File("init")     // to be executed as /proc/self/fd/N
//
// A call that fails ends the process, after it has reported through descriptor 3 (Report),
// unless an Errno is expected: On. The numbers of system calls are those of this machine.
type Program struct{ list list }

// A Result is what a call returns when it is made, for calls further down.
type Result struct {
	program *Program
	line    int
}

// A Label is a place in a Program, to go on at.
type Label struct{ line int }

// A source is where an argument comes from that is not known in advance.
type source struct {
	line   int32 // the result of the call before this line; 0: none
	memory bool  // the argument is the address of a word, which is meant
}

// An exception is an errno that is no failure.
type exception struct {
	errno syscall.Errno
	to    *Label // nil: the line
	line  int
}

// NewProgram is an empty one.
func NewProgram() *Program {
	// Room for a container: what grows is copied, and the time of a start is felt.
	return &Program{list: list{
		base: dataAddress, memory: make([]byte, scratchSize, 32<<10), used: scratchSize,
		calls: make([]call, 0, 640), what: make([]any, 0, 640),
	}}
}

// Memory is the address of some bytes that the program has, with what they hold at first.
func (p *Program) Memory(data []byte) uintptr { return p.list.bytes(data) }

// A Text says in an error what a call was to do. It is put together when there is an error,
// and not for each of the hundreds of calls that do what they should.
type Text struct {
	format string
	count  int
	args   [5]any
}

// Textf is a Text like fmt.Sprintf's, with five arguments at most.
func Textf(format string, args ...any) *Text {
	t := &Text{format: format}
	t.count = copy(t.args[:], args)
	return t
}

func (t *Text) String() string { return fmt.Sprintf(t.format, t.args[:t.count]...) }

// Call adds a system call; what is a string or a *Text. An argument is a number, a string or
// bytes (the address of which is passed), or the Result of a call above.
func (p *Program) Call(what any, trap uintptr, args ...any) Result {
	return p.add(Setup, what, trap, args...)
}

// add keeps nothing of args: so Go need not make copies of them that live on.
func (p *Program) add(step Step, what any, trap uintptr, args ...any) Result {
	var numbers [6]uintptr
	var from [6]source
	for i, a := range args {
		switch a := a.(type) {
		case int:
			numbers[i] = uintptr(a)
		case uint:
			numbers[i] = uintptr(a)
		case uint32:
			numbers[i] = uintptr(a)
		case uint64:
			numbers[i] = uintptr(a)
		case uintptr:
			numbers[i] = a
		case string:
			numbers[i] = p.list.path(a)
		case []byte:
			numbers[i] = p.list.bytes(a)
		case Result:
			from[i].line = int32(a.line + 1)
		default:
			p.list.fail(fmt.Errorf("join: no argument of a system call: %s", reflect.TypeOf(a)))
		}
	}
	p.list.call(step, "", trap, numbers[:]...)
	p.last().from = from
	p.list.what[len(p.list.what)-1] = what
	return Result{p, len(p.list.calls) - 1}
}

func (p *Program) last() *call { return &p.list.calls[len(p.list.calls)-1] }

// On has the program go on elsewhere when this call fails with that errno.
func (r Result) On(errno syscall.Errno, to *Label) Result {
	return r.on(exception{errno: errno, to: to})
}

// Ignore has it go on behind this call.
func (r Result) Ignore(errnos ...syscall.Errno) Result {
	for _, errno := range errnos {
		r.on(exception{errno: errno, line: r.line + 1})
	}
	return r
}

// Again has it make the call once more.
func (r Result) Again(errno syscall.Errno) Result {
	return r.on(exception{errno: errno, line: r.line})
}

func (r Result) on(e exception) Result {
	on := &r.program.list.calls[r.line].on
	for i := range on {
		if on[i].errno == 0 {
			on[i] = e
			return r
		}
	}
	r.program.list.fail(errors.New("join: a call has three exceptions at most"))
	return r
}

// Here gives a label its place: the next call.
func (p *Program) Here(l *Label) { l.line = len(p.list.calls) }

// Go goes on at the label.
func (p *Program) Go(to *Label) {
	p.add(Setup, "", uintptr(opGo))
	p.last().on[0].to = to
}

// Check fails with errno if the word at address, as far as mask goes, is not want.
func (p *Program) Check(what any, address uintptr, mask, want uint64, errno syscall.Errno) Result {
	return p.check(what, opCheck, address, mask, want, errno)
}

// CheckNot fails with errno if it is.
func (p *Program) CheckNot(what any, address uintptr, mask, not uint64, errno syscall.Errno) Result {
	return p.check(what, opCheckNot, address, mask, not, errno)
}

func (p *Program) check(what any, op uint64, address uintptr, mask, word uint64, errno syscall.Errno) Result {
	r := p.add(Setup, what, uintptr(op), address, mask, word, uintptr(errno))
	p.last().from[0].memory = true
	return r
}

// Send sends a descriptor, whose number is known, through a socket (SCM_RIGHTS, unix(7)).
func (p *Program) Send(socket, fd int) {
	iov, message := unix.Iovec{}, unix.Msghdr{Iovlen: 1}
	iov.SetLen(1)
	rights := unix.UnixRights(fd)
	message.SetControllen(len(rights))
	// The pointers in them are addresses in the program, and nothing to this one.
	vector, text := Struct(iov), Struct(message)
	putWord(vector[unsafe.Offsetof(iov.Base):], p.Memory([]byte{0}))
	putWord(text[unsafe.Offsetof(message.Iov):], p.Memory(vector))
	putWord(text[unsafe.Offsetof(message.Control):], p.Memory(rights))
	p.Call("sendmsg(SCM_RIGHTS)", unix.SYS_SENDMSG, socket, text, unix.MSG_NOSIGNAL)
}

// Report is the descriptor by which a Program reports what failed; it is handed to it. It
// closes when the program executes another.
const Report = reportFD

// Begin is the beginning of a program that goes into a container: nobody there may look into
// it, no signal ends it, and it dies with its parent. Where its parent has something to do
// first, it waits next: AwaitByte(Report), on a socket.
func (p *Program) Begin() {
	p.Call("prctl(PR_SET_DUMPABLE, 0)", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	p.Call("prctl(PR_SET_PDEATHSIG)", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0)
	p.Call("fcntl(3, FD_CLOEXEC)", unix.SYS_FCNTL, Report, unix.F_SETFD, unix.FD_CLOEXEC)
	all := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	p.Call("rt_sigprocmask(SIG_BLOCK)", unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, all, 0, 8)
	// What our caller ignores would be ignored in the container, and SIGCHLD by us.
	asItWas := p.Memory(byDefault())
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if mayBeIgnored(sig) {
			p.Call("rt_sigaction(SIG_DFL)", unix.SYS_RT_SIGACTION, int(sig), asItWas, 0, 8)
		}
	}
}

// byDefault is a struct sigaction: SIG_DFL, and no flags.
func byDefault() []byte { return make([]byte, 32) }

// lastSignal is the last of the C library's own (signal(7), nptl(7)), which Go leaves as they
// are. posix_spawn(3) ignores them for whatever it starts: all that make(1) does, for one. All
// that come behind have a handler of Go's.
const lastSignal, firstOwn = 34, 32

// mayBeIgnored: Go knows it of the signals that it handles, and of those alone. What has a
// handler here has none in a program that we execute.
func mayBeIgnored(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGKILL, unix.SIGSTOP:
		return false
	case unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCHLD:
		return true
	case unix.SIGPIPE: // which the caller may come to ignore when this is written already
		return true
	}
	if sig >= firstOwn {
		return true
	}
	return signal.Ignored(sig)
}

// AwaitByte reads one byte; the end of the file instead of it is the end of the program.
func (p *Program) AwaitByte(fd any) {
	got := p.Call("read(a byte)", unix.SYS_READ, fd, []byte{0}, 1)
	p.Is("the parent has given up", got, 1, unix.ECANCELED)
}

// Is fails with errno if a call has returned something else.
func (p *Program) Is(what any, r Result, want uint64, errno syscall.Errno) Result {
	return p.add(Setup, what, uintptr(opCheck), r, ^uintptr(0), want, uintptr(errno))
}

// Fork clones the process that Command continues: what is added until Parent is the child's.
func (p *Program) Fork() (child Result, parent *Label) {
	parent = &Label{}
	args := p.list.bytes(cloneArgs(0, syscall.SIGCHLD, -1))
	child = p.add(Fork, "", unix.SYS_CLONE3, args, cloneArgsSize)
	p.last().branch = parent
	return child, parent
}

// Command makes the process a command: limits, ids, walls, folder, and execve(2). Its Stdin,
// Stdout and Stderr are not looked at: descriptors 0, 1 and 2 are what they are by now.
func (p *Program) Command(c *Cmd) {
	c.limits(&p.list)
	p.list.call(CloseRange, "", unix.SYS_CLOSE_RANGE, Report+1, math.MaxUint32, 0)
	c.inside(&p.list)
}

// Execute replaces the program by another, with no environment.
func (p *Program) Execute(path string, args []string) {
	p.add(Execve, strconv.Quote(path), unix.SYS_EXECVE, path, p.list.pathList(args), p.list.pathList(nil))
}

// DropBounding takes all capabilities from the bounding set but those to be kept.
func (p *Program) DropBounding(keep uint64) { p.list.dropBounding(keep) }

// Wait is the rest of a process 1: it waits for orphans, hands signals on to the command, and
// ends when that ends, with its exit code, or 128 and the number of its signal.
func (p *Program) Wait(command Result) {
	p.add(Setup, "wait", uintptr(opWait), command)
}

// File is the program as a file in memory that can be executed and no more be changed.
func (p *Program) File(name string) (*os.File, error) { return p.list.file(name) }

// Outcome waits, on the other side of descriptor 3, until the program has executed a command
// or has ended: nil, or an *Error.
func (p *Program) Outcome(report io.Reader) error {
	said, err := io.ReadAll(report)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("read(the program's report): %w", err)
	}
	return p.list.failure(said)
}

// Struct is a struct of the kernel's as the bytes that a call takes or fills.
func Struct[T any](of T) []byte { return words(&of) }
