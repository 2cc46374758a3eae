package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// How a process gets into a namespace that is there already: setns(2), the naive way, a
// descriptor for each. Half of the proofs of this lesson send somebody in.

// inside runs fn on a thread that has entered namespaces of the process pid: links are the
// names in /proc/PID/ns. What fn starts is born in them.
func inside(pid int, links []string, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		// setns(2) moves one thread, and Go moves goroutines between threads.
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread must stay where it is: /proc/PID/ns shows its namespaces, and
			// Go cannot end it. While we hold it, another goroutine gets another thread.
			defer runtime.UnlockOSThread()
			result <- inside(pid, links, fn)
			return
		}
		// Never unlocked: a thread that has been elsewhere must not serve others, so it ends
		// with this goroutine.
		result <- func() error {
			for _, link := range links {
				if err := join(fmt.Sprintf("/proc/%d/ns/%s", pid, link)); err != nil {
					return err
				}
			}
			return fn()
		}()
	}()
	return <-result
}

// join moves the calling thread into the namespace that a file stands for.
func join(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), 0); err != nil { // 0: of whatever kind it is
		return fmt.Errorf("setns(%q): %w", path, err)
	}
	return nil
}

// neighbour starts a cat in the PID namespace of the process pid.
func neighbour(pid int) (w *witness, err error) {
	err = inside(pid, []string{"pid"}, func() error {
		w, err = start(exec.Command("cat"))
		return err
	})
	return w, err
}

func init() { reexec.Register("sends", sends) }

// sends runs in a child: it sends a signal to a process number, and says how it went.
// What the number means is decided by the PID namespace that the child is in.
func sends() {
	pid, err1 := strconv.Atoi(os.Args[1])
	sig, err2 := strconv.Atoi(os.Args[2])
	check(errors.Join(err1, err2))
	fmt.Println(answer(unix.Kill(pid, unix.Signal(sig))))
}

// sendFrom sends a signal to number target from a process in the PID namespace of pid.
func sendFrom(pid, target int, sig unix.Signal) (result string, err error) {
	err = inside(pid, []string{"pid"}, func() error {
		cmd := reexec.Command("sends", strconv.Itoa(target), strconv.Itoa(int(sig)))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		result = strings.TrimSpace(string(out))
		return err
	})
	return result, err
}

// apart runs fn on a thread that has unshared namespaces, so that what fn does to them ends
// with it.
func apart(flags int, fn func() error) error {
	return inside(os.Getpid(), nil, func() error {
		if err := unix.Unshare(flags); err != nil {
			return fmt.Errorf("unshare(%#x): %w", flags, err)
		}
		return fn()
	})
}
