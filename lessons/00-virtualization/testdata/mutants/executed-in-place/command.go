// mutant: task=child diagnosis=command-is-init also=tree,reap,exit,shutdown
// The command is executed in the place of init.

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is where commands are looked for. The kernel gives init no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// start starts the command, with the console as its input and output, and returns its PID.
// Init stays what it is: process 1.
func start(argv []string) (pid int, err error) {
	if len(argv) == 0 {
		return 0, errors.New("no command: words after -- on the kernel's command line are one")
	}
	// homework: child
	// TODO: Set PATH to defaultPath, for us and so for the command, find the program and start
	// it as a child. Do not wait for it: that is reapUntil's.
	if err := os.Setenv("PATH", defaultPath); err != nil {
		return 0, err
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	// syscall.ForkExec and not os/exec: an exec.Cmd wants to wait for its child itself, and
	// here one wait4(2) is for all.
	err = syscall.Exec(program, argv, os.Environ())
	return 0, fmt.Errorf("execve(%q): %w", program, err)
	// end
}

// reapUntil waits for children, whoever's they were, until the command has ended, and
// returns how it ended.
func reapUntil(command int) (unix.WaitStatus, error) {
	// homework: reap
	// TODO: Process 1 inherits every orphan of the machine, and each that ends is a zombie
	// until it is waited for. Do not return before the command has ended.
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue // a signal came in between
		}
		if err != nil {
			return 0, fmt.Errorf("wait4(-1): %w", err)
		}
		if pid == command {
			return status, nil
		}
		// Else it was an orphan, and now it is gone.
	}
	// end
}
