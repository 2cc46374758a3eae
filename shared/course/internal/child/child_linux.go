package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent: the wish is bound to the thread that forks. Go keeps its threads, unless a
// goroutine ends locked to one; nothing in the tool does that.
func dieWithParent(cmd *exec.Cmd, signal unix.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: signal}
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

// Offline has a command run in a network namespace of its own, in which there is no network,
// not even a loopback that is up. Whoever is not root gets a user namespace around it.
func Offline(cmd *exec.Cmd) {
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
}
