// pupil: attacked 0 the checks are told to dump and to end, and process 1 to die
package main

import (
	"os"
	"syscall"
)

func init() {
	syscall.Kill(1, syscall.SIGKILL)
	syscall.Kill(os.Getppid(), syscall.SIGQUIT)
	os.Exit(0)
}
