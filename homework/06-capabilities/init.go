package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// All of this file runs in the child: after clone(2) into the new namespaces, and after the
// execve(2) of /proc/self/exe. It is process 1 of the container, and it stays: the command
// is its child.
//
//	mydocker ──clone, execve──▶ init (process 1) ──clone, execve──▶ the command
//	     ── "go on" ──────────▶                 ◀── orphans ── whatever that starts

func init() { reexec.Register("init", containerInit) }

// containerInit makes the child's surroundings the container's, starts the command, and
// ends with its exit code.
func containerInit() {
	h, err := reexec.Join() // the parent has us in its record now
	if err != nil {
		os.Exit(exitFailed) // the parent is gone, nobody is left to tell
	}
	// Before Join: becoming root of a user namespace has made the kernel forget that we are
	// to die with our parent (prctl(2)). If it died before this line, Join will tell.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		os.Exit(exitFailed)
	}
	reserveThreads()
	cmd, caps, err := enter(os.Args[1])
	if err != nil {
		h.Fail(err)
		os.Exit(exitFailed)
	}
	code, err := live(cmd, caps, h.Done)
	if err != nil {
		h.Fail(err)
		code = exitCode(err)
	}
	os.Exit(code)
}

// reserveThreads makes threads ahead. We are in the container's cgroup: pids.max counts our
// threads too, and a Go program that is refused one ends, and with process 1 the container.
// Go keeps the threads that it has once had. With GOMAXPROCS=1 it needs one to run, and one
// for each call that waits: three or four of them.
func reserveThreads() {
	os.Unsetenv("GOMAXPROCS") // for us, not for the command
	var met, done sync.WaitGroup
	met.Add(reserve)
	for range reserve {
		done.Go(func() {
			runtime.LockOSThread() // so each has a thread of its own
			defer runtime.UnlockOSThread()
			met.Done()
			met.Wait()
		})
	}
	done.Wait()
}

const reserve = 7 // one ends with startRestricted

// enter furnishes the namespaces that the child was born into.
func enter(config string) (cmd *exec.Cmd, caps CapSet, err error) {
	var spec Spec
	if err := json.Unmarshal([]byte(config), &spec); err != nil {
		return nil, 0, err
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return nil, 0, fmt.Errorf("sethostname(%q): %w", spec.Hostname, err)
	}
	if err := enterRoot(spec); err != nil {
		return nil, 0, err
	}
	// Looked up here, in the container, and in the PATH that the command will see.
	cmd = exec.Command(spec.Command[0], spec.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if spec.Detach {
		// A session and process group of its own. kill(2) of 0 goes to the caller's whole
		// group, across PID namespaces: the keeper must not be in it.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	return cmd, spec.Caps, nil
}

// live starts the command, calls started, and does the duties of process 1 until the
// command ends: it hands on signals, and it waits for orphans.
func live(cmd *exec.Cmd, caps CapSet, started func()) (code int, err error) {
	// All signals: as process 1 we get from inside only what we have a handler for
	// (pid_namespaces(7)). SIGURG is what Go's own threads use to interrupt one another.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	if err := startRestricted(cmd, caps); err != nil {
		return 0, err
	}
	// A process group of our own, now that the command is in the caller's: what a terminal
	// sends with Ctrl-C reaches the command, and does not reach it twice.
	if err := unix.Setpgid(0, 0); err != nil {
		return 0, fmt.Errorf("setpgid(0, 0): %w", err)
	}
	started()

	go func() {
		for sig := range signals {
			if sig != syscall.SIGCHLD && sig != syscall.SIGURG {
				cmd.Process.Signal(sig) // fails only when the command has ended
			}
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait4(-1): %w", err)
		case pid == cmd.Process.Pid:
			return exitStatus(status), nil // and with process 1 all that is left here ends
		}
	}
}
