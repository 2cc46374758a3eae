package child

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// dieWithParent: the wish is bound to the thread that forks. Go keeps its threads, unless a
// goroutine ends locked to one; nothing in the tool does that.
func dieWithParent(cmd *exec.Cmd, signal unix.Signal) {
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: signal}
}

// DieWithParent asks the kernel for a SIGTERM when the process that started the tool dies.
// It must be called on the main thread: an execve by that thread keeps the wish (prctl(2)).
func DieWithParent() error {
	parent := os.Getppid()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_PDEATHSIG): %w", err)
	}
	if os.Getppid() != parent { // it died before the wish was heard
		os.Exit(143)
	}
	return nil
}
