// mutant: task=filter diagnosis=foreign-arch
// A number is a number.

package main

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter of a container: which system calls its programs may make at all (seccomp(2)).
// The list is in calls.go. The kernel runs the program before each call, over this struct:
//
//	offset  0  the call's number
//	        4  the architecture
//	        8  the instruction pointer
//	       16  six arguments of 64 bits, the lower half first
//
// It loads into an accumulator of 32 bits, compares, jumps forward, and returns.

const (
	loadCall = 0
	loadArch = 4
	loadArg0 = 16

	opLoad = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opAnd  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opJEQ  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opJGE  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	opRet  = unix.BPF_RET | unix.BPF_K

	doAllow = unix.SECCOMP_RET_ALLOW
	doKill  = unix.SECCOMP_RET_KILL_PROCESS
	doEPERM = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	// There is no such call: the C library takes an older one.
	doENOSYS = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

	x32Bit = 0x40000000
)

// A callRule decides on a call by its first argument: if that, with mask laid over it, is
// value. With a mask of 0 it always is. The first rule that fits decides.
type callRule struct {
	call        int
	mask, value uint32
	do          uint32
}

// assemble makes the program for a container with these capabilities: the rules first, then
// the list, and EPERM for the rest.
func assemble(caps CapSet) ([]unix.SockFilter, error) {
	p := []unix.SockFilter{
		{Code: opLoad, K: loadCall},
		{Code: opJGE, K: x32Bit, Jf: 1},
		{Code: opRet, K: doENOSYS},
	}
	for _, r := range callRules(caps) {
		p = append(p,
			unix.SockFilter{Code: opJEQ, K: uint32(r.call), Jf: 5}, // another call: the next rule
			unix.SockFilter{Code: opLoad, K: loadArg0},
			unix.SockFilter{Code: opAnd, K: r.mask},
			unix.SockFilter{Code: opJEQ, K: r.value, Jf: 1},
			unix.SockFilter{Code: opRet, K: r.do},
			unix.SockFilter{Code: opLoad, K: loadCall},
		)
	}
	for _, call := range allowedCalls(caps) {
		p = append(p,
			unix.SockFilter{Code: opJEQ, K: uint32(call), Jf: 1},
			unix.SockFilter{Code: opRet, K: doAllow},
		)
	}
	return append(p, unix.SockFilter{Code: opRet, K: doEPERM}), nil
}

// install puts the filter on this thread and on what it starts, for good.
func install(filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp(SECCOMP_SET_MODE_FILTER, %d instructions): %w", len(filter), errno)
	}
	return nil
}

// allowedCalls are the calls that pass whatever their arguments: the list, and what comes
// with a capability.
func allowedCalls(caps CapSet) []int {
	calls := slices.Concat(everydayCalls, archCalls)
	for _, behind := range callsBehind {
		if caps.has(behind.capability) {
			calls = append(calls, behind.calls...)
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// callRules are the calls on whose first argument it depends.
func callRules(caps CapSet) []callRule {
	rules := []callRule{
		// Talking to the hypervisor, which no network namespace divides.
		{unix.SYS_SOCKET, 0xffffffff, unix.AF_VSOCK, doEPERM},
		{unix.SYS_SOCKET, 0, 0, doAllow},
	}
	// Linux, 32 bits, uname of 2.6, both, and "which have I?" (personality(2)); no fixed addresses.
	for _, persona := range []uint32{0x0, 0x8, 0x20000, 0x20008, 0xffffffff} {
		rules = append(rules, callRule{unix.SYS_PERSONALITY, 0xffffffff, persona, doAllow})
	}
	if !caps.has(unix.CAP_SYS_ADMIN) {
		rules = append(rules,
			// Threads and processes, but no namespaces.
			callRule{unix.SYS_CLONE, newNamespaces, 0, doAllow},
			// Its flags are behind a pointer, where no filter can look.
			callRule{unix.SYS_CLONE3, 0, 0, doENOSYS},
		)
	}
	return rules
}
