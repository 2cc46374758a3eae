package seccomp

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Install puts an assembled filter on the calling thread. Call it on the thread that will
// execute the program, or clone the process that does (runtime.LockOSThread), and call it
// last: what comes after has to pass it. It holds for the thread, for all that it clones,
// over every execve(2), and there is no call that takes it away.
//
// The thread must have no_new_privs set, or CAP_SYS_ADMIN: else a filter could lie to a
// set-user-ID program.
func Install(program []unix.SockFilter) error {
	if len(program) == 0 || len(program) > maxProgram {
		return fmt.Errorf("a filter of %d instructions: %w", len(program), unix.EINVAL)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp(SECCOMP_SET_MODE_FILTER, %d instructions): %w", len(program), errno)
	}
	return nil
}
