// mutant: task=dead diagnosis=orphan also=detach
// Nothing ends the command when mydocker is killed.

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// defaultPath is docker's: where a command is looked for, and what it gets as its PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lastDescriptor is the end of every range of descriptors (close_range(2)).
const lastDescriptor = math.MaxUint32

// forwarded are the signals that mydocker hands on to the command.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// run records a container, then runs it: here, or under a keeper of its own.
func run(s store, spec Spec) (code int, err error) {
	c, err := s.create(spec)
	if err != nil {
		return 0, err
	}
	if spec.Detach {
		return detach(s, c)
	}
	return supervise(s, c, func() {})
}

// supervise is the life of a container, seen from its parent: start, record, wait, record.
func supervise(s store, c Container, started func()) (code int, err error) {
	// prepare asks for a signal at the death of the parent. To the kernel the parent is
	// the thread that called clone(2), not the process (prctl(2), PR_SET_PDEATHSIG): were
	// Go to end that thread, the command would die for nothing. Never unlocked.
	runtime.LockOSThread()

	// Before clone(2): from here on a signal is handed on and no longer ends mydocker.
	// What nohup(1) made us ignore stays ignored: the command inherits that.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, slices.DeleteFunc(slices.Clone(forwarded), signal.Ignored)...)

	// The command is looked up in the PATH that it will see, not in the caller's.
	if err := os.Setenv("PATH", defaultPath); err != nil {
		return 0, err
	}
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := prepare(cmd); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, &startError{command: c.Command[0], err: err}
	}
	// Nobody has waited for the child yet: even if it is gone already, its PID is still its own.
	if err = identify(&c, cmd.Process.Pid); err == nil {
		err = s.save(c)
	}
	if err != nil {
		return 0, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	started()

	go forward(signals, cmd.Process)
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		return 0, fmt.Errorf("wait4(%d): %w", c.PID, err)
	}
	code = exitStatus(cmd.ProcessState)
	c.Finished, c.ExitCode = time.Now(), &code
	return code, s.save(c)
}

// prepare runs in the parent, before clone(2), and decides what crosses it and execve(2).
// Unasked, everything would: the caller's environment, its open descriptors, and a life
// that goes on without the parent.
func prepare(cmd *exec.Cmd) error {

	// Docker's environment. The file system is still the caller's, so is HOME.
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	cmd.Env = []string{"PATH=" + defaultPath, "HOME=" + home, "HOSTNAME=" + hostname}

	// Go opens everything close-on-exec, but what it was itself handed by its caller is
	// not. Marked, not closed: the Go runtime has descriptors of its own among them.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}

	return nil
}

// forward hands signals on to the command for as long as mydocker lives.
func forward(signals <-chan os.Signal, p *os.Process) {
	for sig := range signals {
		// Ctrl-C and Ctrl-\ go to every process of the terminal's foreground group
		// (tty_ioctl(4)): the command has had its own already.
		fromTerminal := sig == syscall.SIGINT || sig == syscall.SIGQUIT
		if fromTerminal && inForeground() {
			continue
		}
		p.Signal(sig) // fails only when the command has ended, and then Wait says so
	}
}

func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // no terminal: only kill(2) sends signals here
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitStatus is the shell's and docker's one number for both ways to end (wait(2)).
func exitStatus(state *os.ProcessState) int {
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// startError says that it was the command that could not be started: main has exit codes for it.
type startError struct {
	command string
	err     error
}

func (e *startError) Unwrap() error { return e.err }

func (e *startError) Error() string {
	cause := e.err // os/exec names the command as well: down to the errno
	for errors.Unwrap(cause) != nil {
		cause = errors.Unwrap(cause)
	}
	return fmt.Sprintf("execve(%q): %v", e.command, cause)
}
