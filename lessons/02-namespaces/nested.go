package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("nests", nests) }

// nests runs in a child, which is process 1 of its namespace: it makes another namespace
// below, until the count is down; the last one is a cat.
func nests() {
	depth, err := strconv.Atoi(os.Args[1])
	check(err)
	cmd := exec.Command("cat")
	if depth > 1 {
		cmd = reexec.Command("nests", strconv.Itoa(depth-1))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	check(cmd.Run())
}

// nested looks at a process three PID namespaces down, then digs until the kernel stops us.
var nested = proof.Proof{
	ID: "nested",
	Guest: func(r *proof.Report) error {
		cmd := reexec.Command("nests", "2")
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		first, err := start(cmd) // the line goes down to the cat and comes back
		if err != nil {
			return err
		}
		defer first.end()

		own, err := numbersOf(os.Getpid())
		if err != nil {
			return err
		}
		r.Saw("level-0", "NSpid of us", own)
		pid := first.pid()
		for level := 1; ; level++ {
			nspid, err := numbersOf(pid)
			if err != nil {
				return err
			}
			name, err := status(pid, "Name")
			if err != nil {
				return err
			}
			r.Saw(fmt.Sprintf("level-%d", level), fmt.Sprintf("NSpid at depth %d below us, %s", level, name), nspid)
			children, err := childrenOf(pid)
			if err != nil {
				return err
			}
			if len(children) == 0 {
				break
			}
			pid = children[0]
		}

		// Which namespace is above which, the kernel says itself (ioctl_ns(2)).
		above, err := climb(pid)
		if err != nil {
			return err
		}
		ours, err := namespace(os.Getpid(), "pid")
		if err != nil {
			return err
		}
		r.Saw("climb", "ioctl(NS_GET_PARENT), from the innermost up", strings.Join(above, " "))
		r.Saw("ours", "readlink /proc/self/ns/pid", ours)

		depth, errno, err := dig()
		if err != nil {
			return err
		}
		r.Sawf("depth", "namespaces that could be made, each inside the last", "%d", depth)
		r.Saw("bottom", "clone(CLONE_NEWPID) in the last", unix.ErrnoName(errno))
		return nil
	},
	Judge: func(s *proof.Seen) {
		base := len(strings.Fields(s.Get("level-0")))
		for level := 1; level <= 3; level++ {
			key := fmt.Sprintf("level-%d", level)
			nspid := strings.Fields(s.Get(key))
			s.Check(len(nspid) == base+level && nspid[len(nspid)-1] == "1",
				"%d levels below us a process should have %d numbers, the last of them 1: %q", level, base+level, s.Get(key))
		}
		s.Check(!s.Has("level-4"), "there is a fourth level")
		up := strings.Fields(s.Get("climb"))
		s.Check(len(up) >= 3 && up[2] == s.Get("ours"), "three steps up from the innermost should be %s: %q", s.Get("ours"), s.Get("climb"))
		s.Equal("bottom", "ENOSPC")
		// 32 below the initial namespace; on a machine that is a container, some are taken.
		s.Check(s.Int("depth") == int64(33-base), "the limit should be %d, not %d", 33-base, s.Int("depth"))
	},
}

// climb asks for the parent of a PID namespace, and for that one's, until the kernel says
// EPERM: the caller's own namespace is the last that it is told of.
func climb(pid int) (names []string, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	defer func() { f.Close() }()
	for {
		fd, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_PARENT)
		if err == unix.EPERM {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("ioctl(NS_GET_PARENT): %w", err)
		}
		f.Close()
		f = os.NewFile(uintptr(fd), "parent")
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// dig makes a PID namespace inside a PID namespace until clone(2) fails, and returns how
// many there were and the errno of the last try.
func dig() (depth int, errno syscall.Errno, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fromChild, toParent, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer fromChild.Close()
	child, errno := digDown(toParent.Fd())
	toParent.Close()
	if errno != 0 {
		return 0, errno, nil
	}
	var last uint64
	if err := binary.Read(fromChild, binary.NativeEndian, &last); err != nil {
		return 0, 0, err
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(child, &ws, 0, nil); err != nil {
		return 0, 0, fmt.Errorf("wait4(%d): %w", child, err)
	}
	return ws.ExitStatus(), syscall.Errno(last), nil
}

// digDown is all system calls, as rawclone.go says it must be: each process clones the
// next, waits for it, and ends with its exit status, which is the depth of the last.
//
//go:norace
func digDown(out uintptr) (pid int, errno syscall.Errno) {
	var depth uintptr // namespaces above this process that were made here
	for {
		child, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE,
			unix.CLONE_NEWPID|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if child == 0 && errno == 0 {
			depth++ // we are the child, one deeper
			continue
		}
		if depth == 0 {
			return int(child), errno // the parent of all
		}
		if errno != 0 {
			last := uint64(errno)
			syscall.RawSyscall(syscall.SYS_WRITE, out, uintptr(unsafe.Pointer(&last)), unsafe.Sizeof(last))
		} else {
			var ws uint32
			syscall.RawSyscall6(syscall.SYS_WAIT4, child, uintptr(unsafe.Pointer(&ws)), 0, 0, 0, 0)
			depth = uintptr(ws>>8) & 0xff // its exit status (wait(2))
		}
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, depth, 0, 0)
		}
	}
}
