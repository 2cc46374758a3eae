package main

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_AARCH64

// archCalls: none that other architectures have not.
var archCalls []int

// fstatat is fstatat(2) here, newfstatat(2) elsewhere.
const fstatat = unix.SYS_FSTATAT

// rawIO: there are no I/O ports.
var rawIO []int
