//go:build !linux

package child

import "os/exec"

func dieWithParent(*exec.Cmd) {}

// DieWithParent does nothing where the kernel has no such wish.
func DieWithParent() error { return nil }
