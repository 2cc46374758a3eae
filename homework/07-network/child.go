package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A child is a process that we have started, and its pidfd: whom that means stays the same
// when its number is given to somebody else (pidfd_open(2)).
//
// exec.Cmd has both, too. But it does not take for granted that this kernel knows pidfds, and
// before the first start it clones another process, to try them. A container cannot be had
// on such a kernel anyway.
type child struct {
	pid, pidfd int
	ended      bool
	status     syscall.WaitStatus // when it has ended
}

// startChild starts a command that has only files for its descriptors.
func startChild(cmd *exec.Cmd) (*child, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := syscall.ProcAttr{Env: cmd.Env, Sys: cmd.SysProcAttr}
	for _, standard := range []any{cmd.Stdin, cmd.Stdout, cmd.Stderr} {
		file, ok := standard.(*os.File)
		if !ok {
			file = null
		}
		attr.Files = append(attr.Files, file.Fd())
	}
	for _, file := range cmd.ExtraFiles {
		attr.Files = append(attr.Files, file.Fd())
	}
	c := &child{}
	attr.Sys.PidFD = &c.pidfd
	c.pid, err = syscall.ForkExec(cmd.Path, cmd.Args, &attr)
	runtime.KeepAlive(cmd) // its files are open until here
	if err != nil {
		return nil, fmt.Errorf("clone(2), execve(%q): %w", cmd.Path, err)
	}
	return c, nil
}

// Signal fails with ESRCH when the child has ended and was waited for.
func (c *child) Signal(sig os.Signal) error {
	return unix.PidfdSendSignal(c.pidfd, sig.(unix.Signal), nil, 0)
}

// wait waits for the end, as often as it is asked to.
func (c *child) wait() error {
	for !c.ended {
		_, err := syscall.Wait4(c.pid, &c.status, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("wait4(%d): %w", c.pid, err)
		}
		c.ended = err == nil
	}
	return nil
}
