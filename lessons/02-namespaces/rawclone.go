package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// rawClone calls clone(2) as a C program would, from Go, and looks how far the child gets.
var rawClone = proof.Proof{
	ID: "raw-clone",
	Guest: func(r *proof.Report) error {
		// The child is a copy of the thread that calls. This goroutine stays on one.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()

		ours, err := status(os.Getpid(), "Threads")
		if err != nil {
			return err
		}
		r.Saw("threads", "grep Threads /proc/self/status, of us", ours)
		if err := childOfSystemCalls(r); err != nil {
			return err
		}
		return childOfGo(r)
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("threads") > 1, "we have one thread: then there is nothing to lose")
		s.Equal("getpid", "1")
		s.Equal("exit", "7")
		s.Equal("stuck-threads", "1")
		s.Equal("stuck", "futex(FUTEX_WAIT_PRIVATE), no time limit")
		s.Equal("stuck-end", "SIGKILL")
	},
}

// childOfSystemCalls: the child does nothing but system calls that were prepared for it.
func childOfSystemCalls(r *proof.Report) error {
	fromChild, toParent, err := os.Pipe()
	if err != nil {
		return err
	}
	defer fromChild.Close()
	// Everything that needs memory is made before clone(2).
	out := toParent.Fd()
	path, err := unix.BytePtrFromString("/bin/sh")
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings([]string{"sh", "-c", "exit 7"})
	if err != nil {
		return err
	}
	env := make([]*byte, 1) // a null pointer: the end of an empty list

	child, errno := cloneAndExec(out, path, argv, env)
	toParent.Close()
	if errno != 0 {
		return fmt.Errorf("clone(CLONE_NEWPID|CLONE_NEWUTS|SIGCHLD): %w", errno)
	}
	r.Sawf("pid", "SYS_CLONE with CLONE_NEWPID, in the parent", "%d", child)

	var number uint64
	if err := binary.Read(fromChild, binary.NativeEndian, &number); err != nil {
		return err
	}
	r.Sawf("getpid", "getpid(2), in the child", "%d", number)
	var ws unix.WaitStatus
	if _, err := unix.Wait4(child, &ws, 0, nil); err != nil {
		return fmt.Errorf("wait4(%d): %w", child, err)
	}
	r.Sawf("exit", "execve(2) of sh -c 'exit 7', in the child: exit status", "%d", ws.ExitStatus())
	return nil
}

// cloneAndExec is the smallest fork of a Go program. Between clone(2) and execve(2) runs
// nothing but RawSyscall: no allocation, no growing of the stack, no other goroutine.
// (syscall.forkAndExecInChild is this function, grown up.)
//
//go:norace
func cloneAndExec(out uintptr, path *byte, argv, env []*byte) (pid int, errno syscall.Errno) {
	child, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE,
		unix.CLONE_NEWPID|unix.CLONE_NEWUTS|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if child != 0 || errno != 0 {
		return int(child), errno // the parent
	}

	// The child: after clone(2), before execve(2).
	me, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_WRITE, out, uintptr(unsafe.Pointer(&me)), unsafe.Sizeof(me))
	syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 1, 0, 0) // only a failed execve returns
	}
}

// childOfGo: the child goes further, and writes two lines of ordinary Go.
func childOfGo(r *proof.Report) error {
	child, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE,
		unix.CLONE_NEWPID|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("clone(CLONE_NEWPID|SIGCHLD): %w", errno)
	}
	if child == 0 {
		// What nothing can wake must not outlive us: SIGKILL when the parent's thread ends.
		syscall.RawSyscall(syscall.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
		// A goroutine and a channel. Somebody must run the goroutine while we wait: the
		// runtime wakes one of its other threads, and this process has none.
		said := make(chan int)
		go func() { said <- 8 }()
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(<-said), 0, 0)
	}

	pid := int(child)
	kill := func() string {
		unix.Kill(pid, unix.SIGKILL)
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
			return answer(err)
		}
		if ws.Signaled() {
			return unix.SignalName(ws.Signal())
		}
		return fmt.Sprintf("exit %d", ws.ExitStatus())
	}
	// One thread, waiting for a word in its own private memory, without a limit of time:
	// nobody is left who could write it, now or ever.
	where := ""
	r.Eventually(5*time.Second, func() bool {
		where = waitsFor(pid)
		return strings.HasPrefix(where, "futex")
	})
	threads, err := status(pid, "Threads")
	if err != nil {
		kill()
		return err
	}
	r.Saw("stuck-threads", fmt.Sprintf("grep Threads /proc/%d/status, of the child", pid), threads)
	r.Saw("stuck", fmt.Sprintf("cat /proc/%d/syscall, a goroutine and a channel later", pid), where)
	r.Saw("stuck-end", "what ended it", kill())
	return nil
}

// waitsFor reads /proc/PID/syscall: the number of the system call in which the process
// sleeps, and its six arguments (proc_pid_syscall(5)).
func waitsFor(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if err != nil {
		return answer(err)
	}
	return parseSyscall(string(text))
}

// parseSyscall names the one call that this proof looks for.
func parseSyscall(text string) string {
	const futexWaitPrivate = 128 // FUTEX_WAIT | FUTEX_PRIVATE_FLAG (futex(2))
	var nr, address, op, value, timeout uint64
	n, _ := fmt.Sscanf(text, "%d 0x%x 0x%x 0x%x 0x%x", &nr, &address, &op, &value, &timeout)
	if n == 5 && nr == unix.SYS_FUTEX && op == futexWaitPrivate && timeout == 0 {
		return "futex(FUTEX_WAIT_PRIVATE), no time limit"
	}
	return strings.TrimSpace(text)
}
