// Package join starts processes in containers by lists of system calls, which are written
// down before there is a process to make them. A Program is the first process of a new
// container (program.go). A Cmd is a command inside a container that lives already: in its
// namespaces, its user namespace too, in its cgroup, with the capabilities and the filter it
// is given.
//
// It is plumbing, taught by no lesson and free for all. Two things keep a Go program from
// calling setns(2) for itself: a user namespace is joined by a process of one thread only
// (EINVAL), and Go has several; and a thread that has stepped into a container, with all
// that the runtime holds open and in memory, is what CVE-2016-9962 was. So the parent
// prepares everything, down to the list of the system calls, and clones a process that does
// nothing but run that list:
//
//	parent                    first child                      second child
//	pidfd, list ──clone3(2)─▶ undumpable, descriptors
//	                          closed, setns(2)
//	                              ──clone3(CLONE_PARENT)─────▶ session, ids, capabilities,
//	◀──────────────── "its PID" ──┘ _exit(2)                   folder, filter, execve(2)
//	◀───────────────────────────────────── EOF, or the call that failed, and its errno
//
// The second is there when a PID namespace is joined: setns(2) puts only those into it that
// are born later (pid_namespaces(7)). Until then nobody in the container can see the
// process; from then on it has no descriptor but the command's three and the socket of its
// report.
//
// The children are copies (no CLONE_VM): not a byte that they write is the parent's.
package join

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Cmd is a command to be started in a container, in the kernel's own words.
type Cmd struct {
	// Target is a descriptor of a process in the container (pidfd_open(2)). Its namespaces
	// are joined, all at once: so the kernel checks each with the rights that we have now,
	// in ours, and those that we gain with its user namespace.
	Target int
	// Namespaces are the kinds to join (CLONE_NEW*); see Differing. Joining the user
	// namespace that one is in already fails with EINVAL.
	Namespaces uintptr
	Cgroup     *os.File // the folder of the container's group (cgroups(7)), in which the first child is born; nil: ours

	Args []string // Args[0] without a slash is searched for in the PATH of Env, in the container
	Env  []string
	Dir  string // where it starts, in the container; "" means /

	// Descriptors 0, 1, 2; nil is /dev/null. There is no way for a fourth.
	Stdin, Stdout, Stderr *os.File
	Session               bool // setsid(2)
	Terminal              bool // Stdin is a terminal, and the session's: with Session (TIOCSCTTY, tty_ioctl(4))

	UID, GID    int // in the container
	Groups      []int
	KeepGroups  bool // no setgroups(2): a user namespace may forbid it (/proc/PID/setgroups)
	TryGroups   bool // no failure if it is forbidden
	Caps        *Capabilities
	NoNewPrivs  bool
	Seccomp     []unix.SockFilter // a filter; without NoNewPrivs it wants CAP_SYS_ADMIN, and sees setresuid(2) and capset(2)
	Rlimits     []Rlimit          // Go itself has raised its RLIMIT_NOFILE, and hands that on
	OOMScoreAdj *int              // nil: ours (proc_pid_oom_score_adj(5))
	Keyring     bool              // a new session keyring instead of ours (keyrings(7))
}

// Capabilities are sets of bits, 1<<CAP_CHOWN and so on (capabilities(7)). The ambient set
// is emptied.
type Capabilities struct {
	Bounding, Effective, Permitted, Inheritable uint64
}

// A Rlimit is one of setrlimit(2)'s.
type Rlimit struct {
	Resource int // RLIMIT_*
	Soft     uint64
	Hard     uint64
}

// An Error is the step that failed, in a child, and its errno.
type Error struct {
	Step  Step
	What  string // what the step was about; may be ""
	Errno syscall.Errno
}

func (e *Error) Error() string {
	if e.Step == Setup {
		return fmt.Sprintf("%s: %v", e.What, e.Errno)
	}
	if e.What == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Errno)
	}
	return fmt.Sprintf("%s(%s): %v", e.Step, e.What, e.Errno)
}

// Unwrap keeps the errno for errors.Is.
func (e *Error) Unwrap() error { return e.Errno }

// ErrKilled: the child was ended by somebody before it could execute the command.
var ErrKilled = errors.New("join: the child was killed")

// Start starts the command and returns when it runs: its Wait, Signal and the rest are
// those of a child. An *Error says which step failed; with Step Execve the container is
// there, and the command is not.
func (c *Cmd) Start() (*os.Process, error) {
	pid, err := c.StartPID()
	if err != nil {
		return nil, err
	}
	// Nobody has waited for it: even if it has ended already, its PID is its own.
	return os.FindProcess(pid)
}

// StartPID is Start for who waits for all its children in one place, as a process 1 does:
// there it is the number that tells them apart.
func (c *Cmd) StartPID() (int, error) {
	if len(c.Args) == 0 {
		return 0, errors.New("join: no command")
	}
	report, word, err := Channel()
	if err != nil {
		return 0, err
	}
	defer report.Close()
	l, err := c.list(word)
	if err != nil {
		word.Close()
		return 0, err
	}
	defer l.close()
	return c.run(l, report, word)
}

// Channel is a pair of connected sockets: how the children report. Of sockets, not a pipe: they cannot be opened by way
// of /proc/PID/fd. Whoever has CAP_SYS_PTRACE in a user namespace may look at a process in
// it from the moment that execve(2) gives it a memory of its own, and that is a little
// before the descriptors go that are close-on-exec.
func Channel() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair(AF_UNIX): %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "join"), os.NewFile(uintptr(fds[1]), "join"), nil
}

// run clones the child that runs the list.
func (c *Cmd) run(l *list, report, word *os.File) (int, error) {
	cgroup := -1
	if c.Cgroup != nil {
		cgroup = int(c.Cgroup.Fd())
	}
	first, errno := l.clone(cgroup)
	runtime.KeepAlive(c) // the files are open until here
	l.closeFiles()
	word.Close() // now only the children hold their end
	if errno != 0 {
		return 0, &Error{Step: Clone, Errno: errno}
	}
	return l.outcome(first, report)
}

// outcome reads what the children report, until the command has been executed (their end
// is close-on-exec) or the last of them has ended, and waits for those that are not the
// command. It comes out of a container: a number is one of a call in the list and one of a
// child of ours, or it is nothing.
func (l *list) outcome(first int, report io.Reader) (int, error) {
	said, err := io.ReadAll(report)
	last, failure := first, error(nil)
	for ; len(said) >= recordSize; said = said[recordSize:] {
		kind, value := binary.NativeEndian.Uint32(said), binary.NativeEndian.Uint32(said[4:])
		switch {
		case kind == recordPID && last == first && isChild(int(value)):
			last = int(value)
		case int(kind) < len(l.calls):
			failure = &Error{Step: l.calls[kind].step, What: fmt.Sprint(l.what[kind]), Errno: syscall.Errno(value)}
		default:
			failure = errors.New("join: the report makes no sense")
		}
	}
	if err != nil {
		failure = fmt.Errorf("read(join): %w", err)
	}
	if failure == nil && l.forks && last == first {
		failure = ErrKilled
	}
	if last != first || failure != nil {
		reap(first)
	}
	if failure != nil {
		if last != first {
			reap(last)
		}
		return 0, failure
	}
	return last, nil
}

// isChild: wait(2) would know it. Nobody is waited for here.
func isChild(pid int) bool {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	}
	return err == nil
}

func reap(pid int) {
	for err := error(unix.EINTR); errors.Is(err, unix.EINTR); {
		_, err = unix.Wait4(pid, nil, 0, nil)
	}
}
