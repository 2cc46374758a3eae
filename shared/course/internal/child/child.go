// Package child starts programs that do not outlive the course tool.
package child

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Command is a program that is asked to end when ctx does, and that the kernel asks to end
// when the tool is killed. The caller sets its folder, its output and more environment.
func Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = os.Environ()
	cmd.WaitDelay = 5 * time.Second
	endBy(cmd, unix.SIGTERM)
	return cmd
}

// endBy is the signal that asks a command to end, whether by ctx or by the tool's own death.
func endBy(cmd *exec.Cmd, signal unix.Signal) {
	cmd.Cancel = func() error { return cmd.Process.Signal(signal) }
	dieWithParent(cmd, signal)
}

// Group puts a command and whatever it starts into a process group, which ctx ends as a whole.
// The tool's own death reaches the command only.
func Group(cmd *exec.Cmd, signal unix.Signal) {
	endBy(cmd, signal)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &unix.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, signal) }
}

// Go is the go command: static binaries for the lab, no word of the version control.
func Go(ctx context.Context, args ...string) *exec.Cmd {
	cmd := Command(ctx, append([]string{"go"}, args...)...)
	endBy(cmd, unix.SIGINT) // the go command cleans up after this one, and not after SIGTERM
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS="+flags())
	return cmd
}

func flags() string {
	return strings.TrimSpace(os.Getenv("GOFLAGS") + " -buildvcs=false")
}
