package main

import "golang.org/x/sys/unix"

// arch is whose numbers unix.SYS_… are: seccomp_data has it too (linux/audit.h).
const arch = unix.AUDIT_ARCH_X86_64
