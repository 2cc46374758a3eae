//go:build !linux

package child

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

func dieWithParent(*exec.Cmd, unix.Signal) {}

// DieWithParent does nothing where the kernel has no such wish.
func DieWithParent() error { return nil }

// Offline does nothing where there are no namespaces.
func Offline(*exec.Cmd) {}
