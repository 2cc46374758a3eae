package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The calls with which a thread changes its own sets, raw. All of them are about the calling
// thread and no other; it must be locked (onThread).

// bit is a capability's place in a set.
func bit(capability int) uint64 { return 1 << capability }

// version 3: 64 bits in two halves (capget(2)). PID 0 is the calling thread.
func header() *unix.CapUserHeader {
	return &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
}

// capget returns three of the five sets.
func capget() (effective, permitted, inheritable uint64, err error) {
	var data [2]unix.CapUserData
	if err := unix.Capget(header(), &data[0]); err != nil {
		return 0, 0, 0, fmt.Errorf("capget: %w", err)
	}
	join := func(low, high uint32) uint64 { return uint64(low) | uint64(high)<<32 }
	return join(data[0].Effective, data[1].Effective),
		join(data[0].Permitted, data[1].Permitted),
		join(data[0].Inheritable, data[1].Inheritable), nil
}

// capset writes them. A bit that is not in permitted now comes in no more.
func capset(effective, permitted, inheritable uint64) error {
	data := [2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted), Inheritable: uint32(inheritable)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32), Inheritable: uint32(inheritable >> 32)},
	}
	if err := unix.Capset(header(), &data[0]); err != nil {
		return fmt.Errorf("capset(%x, %x, %x): %w", effective, permitted, inheritable, err)
	}
	return nil
}

// keep leaves the thread this set, until its next execve(2).
func keep(set uint64) error { return capset(set, set, 0) }

// lose takes one capability from the thread, until its next execve(2).
func lose(capability int) error {
	effective, permitted, inheritable, err := capget()
	if err != nil {
		return err
	}
	return capset(effective&^bit(capability), permitted&^bit(capability), inheritable)
}

// dropBounding takes a capability from the bounding set: what is not there no execve(2)
// gives. It takes CAP_SETPCAP.
func dropBounding(capability int) error {
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_CAPBSET_DROP, %d): %w", capability, err)
	}
	return nil
}

// raiseAmbient: the capability must be permitted and inheritable.
func raiseAmbient(capability int) error {
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(capability), 0, 0)
}

// docker is the set that docker leaves root in a container.
const docker = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FSETID | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_MKNOD | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID |
	1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_NET_BIND_SERVICE |
	1<<unix.CAP_SYS_CHROOT | 1<<unix.CAP_KILL | 1<<unix.CAP_AUDIT_WRITE

// limit is what a runtime does: set, and nothing more by any execve(2) to come. Bounding
// first, as that takes CAP_SETPCAP, which may be among what goes.
func limit(set uint64) error {
	last, err := lastCap()
	if err != nil {
		return err
	}
	for c := range last + 1 {
		if set&bit(c) == 0 {
			if err := dropBounding(c); err != nil {
				return err
			}
		}
	}
	return keep(set) // inheritable is empty, and ambient with it
}

// setNoNewPrivs: from here on execve(2) gives nothing, whatever the file carries.
func setNoNewPrivs() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }

// setuid is setuid(2) of the calling thread alone. syscall.Setuid would do it in all
// threads, as POSIX wants it, and Go gives up when their answers differ.
func setuid(uid int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, uintptr(uid), 0, 0); errno != 0 {
		return errno
	}
	return nil
}
