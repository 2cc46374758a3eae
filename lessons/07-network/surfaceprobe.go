package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/seccomp"
)

// The probe makes every system call, with arguments that are wrong in all places. Whether
// the kernel has the call is told by the errno: ENOSYS, or anything else. A child knocks at
// one door after the other and writes the answers down on a page that it shares with us.
// From some it does not come back (exit(2), pause(2)): so there was something behind it, and
// the next child goes on at the next door.

// lastCall is beyond the end of the table, which has some 470 in Linux 6.12.
const lastCall = 511

// refusal is the filter's answer while we count: an errno for broken memory, which no call
// returns that is given no memory.
const refusal = unix.EHWPOISON

// What stands on the page for each call: nothing yet, or one of these.
const (
	answered byte = iota + 1
	nothing
	refused
)

func init() { reexec.Register("surface-probe", surfaceProbe) }

// surfaceProbe runs in a process of its own: with "filtered" behind the default filter.
func surfaceProbe() {
	runtime.LockOSThread() // the filter is this thread's, and its children's; the thread ends with us
	found, err := probeHere(os.Args[1] == "filtered")
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func probeHere(filtered bool) (found doors, err error) {
	page, err := unix.Mmap(-1, 0, lastCall+1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return found, fmt.Errorf("mmap(MAP_SHARED): %w", err)
	}
	if filtered {
		program, err := countingFilter().Assemble()
		if err != nil {
			return found, err
		}
		if err := seccomp.Install(program); err != nil {
			return found, err
		}
	}
	for next := 0; next < len(page); next = reached(page) {
		pid, errno := cloneToKnock(page, next)
		if errno != 0 {
			return found, fmt.Errorf("clone: %w", errno)
		}
		if err := waitOrKill(pid, page); err != nil {
			return found, err
		}
		if last := reached(page); last < len(page) {
			page[last] = answered // that is where it has stayed
		}
	}
	for call, answer := range page {
		switch answer {
		case answered:
			found.Answered = append(found.Answered, call)
		case refused:
			found.Refused = append(found.Refused, call)
		}
	}
	return found, nil
}

// reached is the first call without an answer.
func reached(page []byte) int {
	for call, answer := range page {
		if answer == 0 {
			return call
		}
	}
	return len(page)
}

// countingFilter is the default filter, but that all its refusals are one errno.
func countingFilter() seccomp.Filter {
	f := seccomp.Docker(caps.Docker.Has)
	f.Otherwise = seccomp.Errno(refusal)
	for i, rule := range f.Rules {
		if rule.Do != seccomp.Allow {
			f.Rules[i].Do = seccomp.Errno(refusal)
		}
	}
	return f
}

// waitOrKill waits until the child has ended, or gets no further.
func waitOrKill(pid int, page []byte) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open(%d): %w", pid, err)
	}
	defer unix.Close(fd)
	const patience = 300 // ms
	for before := -1; ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, patience)
		if n > 0 {
			break
		}
		if at := reached(page); err == nil && at == before {
			unix.Kill(pid, unix.SIGKILL)
		} else {
			before = at
		}
	}
	if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
		return fmt.Errorf("wait4(%d): %w", pid, err)
	}
	return nil
}

// cloneToKnock is a fork whose child makes the calls from next on, in raw system calls
// (lesson 02): a forked Go program has one thread, and may not allocate.
func cloneToKnock(page []byte, next int) (pid int, errno unix.Errno) {
	child, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || child != 0 {
		return int(child), errno
	}
	self, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	for call := next; call < len(page); call++ {
		// All ones is no pointer, no descriptor and no length. A filter may let a call pass
		// for some arguments only: what it refuses is tried with all zeros.
		var answer byte
		for _, arg := range [...]uintptr{^uintptr(0), 0} {
			_, _, errno := unix.RawSyscall6(uintptr(call), arg, arg, arg, arg, arg, arg)
			if pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0); pid != self {
				leave() // fork(2), clone(2): we are the child
			}
			switch errno {
			case refusal:
				answer = refused
				continue
			case unix.ENOSYS:
				answer = nothing
			default:
				answer = answered
			}
			break
		}
		page[call] = answer
	}
	leave()
	return 0, 0
}

// leave ends the child. vfork(2) comes back twice on one stack, and the second time to here.
func leave() {
	for {
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
}
