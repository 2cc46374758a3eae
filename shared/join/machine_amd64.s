#include "textflag.h"

// The machine (machine.go). No Go code calls it. At its start, which is that of a process,
// no register means anything and there is no stack that it would use.
//
// The numbers are those of type instruction: 0 the call, 8 to 48 its arguments, 56 where
// its result goes, 64 which arguments are to be loaded, 72 the branch, 80 to 120 what is no failure.
// R12 is the line of the table that is at work, R15 the machine's own memory.

DATA ·machineStart(SB)/8, $·machine(SB)
GLOBL ·machineStart(SB), NOPTR|RODATA, $8

#define SYS_write 1
#define SYS_wait4 61
#define SYS_kill 62
#define SYS_rt_sigtimedwait 128
#define SYS_exit_group 231
#define SIGCHLD 17

TEXT ·machine(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	$0x500000, R15
	MOVQ	0(R15), R12

line:
	MOVQ	64(R12), R13
	MOVQ	8(R12), DI
	BTQ	$0, R13
	JCC	one
	MOVQ	(DI), DI
one:
	MOVQ	16(R12), SI
	BTQ	$1, R13
	JCC	two
	MOVQ	(SI), SI
two:
	MOVQ	24(R12), DX
	BTQ	$2, R13
	JCC	three
	MOVQ	(DX), DX
three:
	MOVQ	32(R12), R10
	BTQ	$3, R13
	JCC	four
	MOVQ	(R10), R10
four:
	MOVQ	40(R12), R8
	BTQ	$4, R13
	JCC	five
	MOVQ	(R8), R8
five:
	MOVQ	48(R12), R9
	MOVQ	0(R12), AX
	CMPQ	AX, $0x10000
	JCC	own // unsigned: it is one of ours

	SYSCALL
	MOVQ	56(R12), R13
	TESTQ	R13, R13
	JEQ	unkept
	MOVQ	AX, (R13)
unkept:
	CMPQ	AX, $-4095
	JCC	failed // unsigned: from -4095 to -1
	MOVQ	72(R12), R13
	TESTQ	R13, R13
	JEQ	next
	TESTQ	AX, AX
	JEQ	next
	MOVQ	R13, R12
	JMP	line
next:
	ADDQ	$128, R12
	JMP	line

failed:
	NEGQ	AX
	CMPQ	AX, 80(R12)
	JNE	second
	MOVQ	88(R12), R12
	JMP	line
second:
	CMPQ	AX, 96(R12)
	JNE	third
	MOVQ	104(R12), R12
	JMP	line
third:
	CMPQ	AX, 112(R12)
	JNE	report
	MOVQ	120(R12), R12
	JMP	line
report:
	MOVQ	R12, 24(R15)
	MOVQ	AX, 32(R15)
	MOVQ	$3, DI
	LEAQ	24(R15), SI
	MOVQ	$16, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	MOVQ	$125, DI
	JMP	end

own:
	CMPQ	AX, $0x10002
	JEQ	go
	CMPQ	AX, $0x10003
	JEQ	wait
	ANDQ	SI, DI
	CMPQ	AX, $0x10001
	JEQ	unlike
	MOVQ	R10, AX
	CMPQ	DI, DX
	JEQ	next
	JMP	refused
unlike:
	MOVQ	R10, AX
	CMPQ	DI, DX
	JNE	next
refused: // as a system call that has failed
	NEGQ	AX
	JMP	failed
go:
	MOVQ	DI, R12
	JMP	line

wait: // all signals are blocked: they come here, one at a time
	MOVQ	DI, BX
more:
	LEAQ	8(R15), DI
	XORL	SI, SI
	XORL	DX, DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigtimedwait, AX
	SYSCALL
	CMPQ	AX, $SIGCHLD
	JEQ	reap
	CMPQ	AX, $0
	JLE	more
	MOVQ	BX, DI // to the command
	MOVQ	AX, SI
	MOVQ	$SYS_kill, AX
	SYSCALL
	JMP	more
reap: // all that have ended: one signal may stand for many
	MOVQ	$-1, DI
	LEAQ	16(R15), SI
	MOVQ	$1, DX // WNOHANG
	XORL	R10, R10
	MOVQ	$SYS_wait4, AX
	SYSCALL
	CMPQ	AX, $0
	JLE	more
	CMPQ	AX, BX
	JNE	reap // an orphan
	MOVQ	16(R15), DI
	MOVQ	DI, SI
	ANDQ	$0x7f, SI
	JNE	killed
	SHRQ	$8, DI
	ANDQ	$0xff, DI
	JMP	end
killed:
	LEAQ	128(SI), DI
end:
	MOVQ	$SYS_exit_group, AX
	SYSCALL
	JMP	end
	BYTE $'t'; BYTE $'h'; BYTE $'e'; BYTE $' '; BYTE $'e'; BYTE $'n'; BYTE $'d'; BYTE $'.'
	RET
