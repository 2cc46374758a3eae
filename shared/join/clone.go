package join

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's hooks around a fork, which are package syscall's, and which Go lets others
// link to (go.dev/issue/67401).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// What the children report: two numbers of 32 bits, the index of the call that
// failed and its errno; or recordPID and the second child's PID, from the first.
const (
	recordPID  = 1<<32 - 1
	recordSize = 8
)

// clone starts the child, and in the child runs the list and never returns. A group (a
// descriptor, or -1) is where the child is born: clone(2) and then a move would leave it a
// moment outside, and a move costs more (CLONE_INTO_CGROUP, clone3(2)).
//
// It is built as the standard library's own fork (syscall/exec_linux.go): all is declared
// and prepared before beforeFork. After it there is no allocation, no lock, no growth of
// the stack (the hook makes that a crash), no call but nosplit ones, until the parent's
// afterFork. The child has one thread, this one; the others, and with them the collector
// and whatever lock they held, exist in its copy of the memory only as they were.
//
//go:noinline
//go:norace
func (l *list) clone(cgroup int) (pid int, errno syscall.Errno) {
	var (
		calls         = l.calls
		cwd           = l.cwd
		args          = l.bytes(cloneArgs(0, syscall.SIGCHLD, cgroup))
		c             *call
		i             int
		first         uintptr
		r1, last      uintptr
		err1, refused syscall.Errno
		record        [2]uint32
	)
	if l.err != nil {
		return 0, syscall.ENOMEM
	}

	beforeFork() // signals are blocked: none is handled in the child by the runtime's handlers
	r1, _, err1 = syscall.RawSyscall6(unix.SYS_CLONE3, args, cloneArgsSize, 0, 0, 0, 0)
	if err1 != 0 || r1 != 0 {
		afterFork()
		return int(r1), err1
	}

	// In the child.
	afterForkInChild() // signals as execve(2) will find them: default or ignored, not blocked
	for i = 0; i < len(calls); i++ {
		c = &calls[i]
		first = c.args[0]
		if c.kind == onLast {
			first = last
		}
		r1, _, err1 = syscall.RawSyscall6(c.trap, first, c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		last = r1
		if err1 != 0 {
			if err1 == c.ignored {
				continue
			}
			if c.kind == executing && (err1 == syscall.ENOENT || err1 == syscall.ENOTDIR || err1 == syscall.EACCES) {
				// As execvp(3): on to the next folder of PATH, but a file that was there and
				// could not be executed is the better answer in the end.
				if err1 == syscall.EACCES {
					refused = err1
				}
				if i+1 < len(calls) {
					continue
				}
				if refused != 0 {
					err1 = refused
				}
			}
			goto failed
		}
		switch c.kind {
		case inside:
			if *cwd != '/' {
				err1 = syscall.ENOENT
				goto failed
			}
		case forking:
			if r1 != 0 { // still the first child: the second's PID, as our parent's namespace has it
				record[0], record[1] = recordPID, uint32(r1)
				syscall.RawSyscall6(unix.SYS_WRITE, reportFD, uintptr(unsafe.Pointer(&record)), recordSize, 0, 0, 0)
				for {
					syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
				}
			}
		}
	}

failed:
	// The write can find nobody (the parent is gone): then SIGPIPE ends us, which is as well.
	record[0], record[1] = uint32(i), uint32(err1)
	syscall.RawSyscall6(unix.SYS_WRITE, reportFD, uintptr(unsafe.Pointer(&record)), recordSize, 0, 0, 0)
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 253, 0, 0, 0, 0, 0)
	}
}
