package main

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// decide is the kernel's machine, as far as our programs need it.
func decide(t *testing.T, program []unix.SockFilter, architecture, call uint32, arg0 uint64) uint32 {
	t.Helper()
	var data [64]byte
	binary.LittleEndian.PutUint32(data[loadCall:], call)
	binary.LittleEndian.PutUint32(data[loadArch:], architecture)
	binary.LittleEndian.PutUint64(data[loadArg0:], arg0)
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		yes := false
		switch i.Code {
		case opLoad:
			a = binary.LittleEndian.Uint32(data[i.K:])
			continue
		case opAnd:
			a &= i.K
			continue
		case opRet:
			return i.K
		case opJEQ:
			yes = a == i.K
		case opJGE:
			yes = a >= i.K
		default:
			t.Fatalf("instruction %d: code %#x", pc, i.Code)
		}
		if yes {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatal("the program has no end")
	return 0
}

func TestAssemble(t *testing.T) {
	program := func(caps CapSet) []unix.SockFilter {
		p, err := assemble(caps)
		if err != nil || len(p) > 4096 { // BPF_MAXINSNS
			t.Fatalf("%d instructions, %v", len(p), err)
		}
		return p
	}
	docker, admin := program(dockerCaps), program(everyCap)
	for _, test := range []struct {
		program    []unix.SockFilter
		arch, call uint32
		arg0       uint64
		want       uint32
	}{
		{docker, arch, unix.SYS_READ, 0, doAllow},
		{docker, arch, unix.SYS_SECCOMP, 0, doAllow}, // the last of a range
		{docker, unix.AUDIT_ARCH_I386, unix.SYS_READ, 0, doKill},
		{docker, arch, x32Bit | unix.SYS_READ, 0, doENOSYS},
		{docker, arch, 1 << 31, 0, doENOSYS},
		{docker, arch, unix.SYS_KEYCTL, 0, doEPERM},
		{docker, arch, unix.SYS_UNSHARE, 0, doEPERM},
		{docker, arch, unix.SYS_CLONE, uint64(unix.SIGCHLD), doAllow},
		{docker, arch, unix.SYS_CLONE, unix.CLONE_NEWUSER, doEPERM},
		{docker, arch, unix.SYS_CLONE3, 0, doENOSYS},
		{docker, arch, unix.SYS_SOCKET, unix.AF_INET, doAllow},
		{docker, arch, unix.SYS_SOCKET, unix.AF_VSOCK, doEPERM},
		{docker, arch, unix.SYS_PERSONALITY, 0xffffffff, doAllow},
		{docker, arch, unix.SYS_PERSONALITY, 0x40000, doEPERM},
		{docker, arch, unix.SYS_CHROOT, 0, doAllow}, // its capability is docker's
		{docker, arch, unix.SYS_CLOCK_SETTIME, 0, doEPERM},
		{docker, arch, 100_000, 0, doEPERM},
		{admin, arch, unix.SYS_CLOCK_SETTIME, 0, doAllow},
		{admin, arch, unix.SYS_CLONE, unix.CLONE_NEWUSER, doAllow},
		{admin, arch, unix.SYS_CLONE3, 0, doAllow},
		{admin, arch, unix.SYS_KEYCTL, 0, doEPERM}, // for nobody
	} {
		if got := decide(t, test.program, test.arch, test.call, test.arg0); got != test.want {
			t.Errorf("arch %x, call %d, %#x: %#x, want %#x", test.arch, test.call, test.arg0, got, test.want)
		}
	}
}
