// mutant: task=process-1 diagnosis=init-open
// Poor it is, and open to everybody.

package main

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitInit is about process 1 itself, which is ours, and stays: the command must find nothing
// in it that it has not got. It runs on the thread that has limited itself already.
func limitInit(caps CapSet) error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS, 1) of all threads: %w", errno)
	}
	header, data := capset(caps)
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0); errno != 0 {
		return fmt.Errorf("capset(%x, %x, 0) of all threads: %w", caps, caps, errno)
	}
	return nil
}
