package image

import (
	"context"
	"os/exec"
	"syscall"
)

// command is a child that does not outlive this process, so that a build that was killed
// leaves no one writing into what the next one sweeps away.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
