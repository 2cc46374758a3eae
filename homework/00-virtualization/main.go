// Init is process 1 of a virtual machine: the first program that the kernel starts, and the
// last that may end. It runs one command and hands its exit code to the host.
//
// The kernel's command line says what to do: words after "--" are the command, and
// EXIT_PORT=/dev/ttyS1 before it is where the host waits for the exit code.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: this is for process 1 of a virtual machine; make try-00 starts one")
		os.Exit(1)
	}
	// An init does not give up. Whatever fails is said on the console, and the next step
	// is taken: a machine that is off because of a missing mount can tell nobody why.
	complain(mountAll(kernelFilesystems))

	fmt.Println("init: the processes before the command")
	complain(showTree())

	var status unix.WaitStatus
	pid, err := start(os.Args[1:])
	if complain(err) {
		status = notStarted(err)
	} else {
		status, err = reapUntil(pid)
		if complain(err) {
			time.Sleep(5 * time.Second) // nobody waits for the command: let it have its say
		}
	}

	fmt.Println("init: the processes after the command")
	complain(showTree())

	complain(endAll(2 * time.Second))
	complain(tell(os.Getenv("EXIT_PORT"), status))
	complain(powerOff())
	// Here the kernel panics: it has lost its init.
}

// complain says what went wrong, if something did.
func complain(err error) bool {
	if err != nil {
		fmt.Println("init:", err)
	}
	return err != nil
}

// notStarted is the end of a command that there is not, or that cannot be run: the exit
// code that a shell has for it, where wait(2) has exit codes, in the second byte.
func notStarted(err error) unix.WaitStatus {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return 127 << 8
	}
	return 126 << 8
}
