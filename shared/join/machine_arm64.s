#include "textflag.h"

// The machine (machine.go). No Go code calls it. At its start, which is that of a process,
// no register means anything and there is no stack that it would use.
//
// The numbers are those of type instruction: 0 the call, 8 to 48 its arguments, 56 where
// its result goes, 64 which arguments are to be loaded, 72 the branch, 80 to 120 what is no failure.
// R19 is the line of the table that is at work, R20 the machine's own memory.

DATA ·machineStart(SB)/8, $·machine(SB)
GLOBL ·machineStart(SB), NOPTR|RODATA, $8

#define SYS_write 64
#define SYS_exit_group 94
#define SYS_kill 129
#define SYS_rt_sigtimedwait 137
#define SYS_wait4 260
#define SIGCHLD 17

TEXT ·machine(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	$0x500000, R20
	MOVD	0(R20), R19

line:
	MOVD	64(R19), R21
	MOVD	8(R19), R0
	TBZ	$0, R21, one
	MOVD	(R0), R0
one:
	MOVD	16(R19), R1
	TBZ	$1, R21, two
	MOVD	(R1), R1
two:
	MOVD	24(R19), R2
	TBZ	$2, R21, three
	MOVD	(R2), R2
three:
	MOVD	32(R19), R3
	TBZ	$3, R21, four
	MOVD	(R3), R3
four:
	MOVD	40(R19), R4
	TBZ	$4, R21, five
	MOVD	(R4), R4
five:
	MOVD	48(R19), R5
	MOVD	0(R19), R8
	MOVD	$0x10000, R9
	CMP	R9, R8
	BHS	own // unsigned: it is one of ours

	SVC
	MOVD	56(R19), R21
	CBZ	R21, unkept
	MOVD	R0, (R21)
unkept:
	CMN	$4095, R0
	BHS	failed // unsigned: from -4095 to -1
	MOVD	72(R19), R21
	CBZ	R21, next
	CBZ	R0, next
	MOVD	R21, R19
	B	line
next:
	ADD	$128, R19
	B	line

failed:
	NEG	R0, R0
	MOVD	80(R19), R9
	CMP	R9, R0
	BNE	second
	MOVD	88(R19), R19
	B	line
second:
	MOVD	96(R19), R9
	CMP	R9, R0
	BNE	third
	MOVD	104(R19), R19
	B	line
third:
	MOVD	112(R19), R9
	CMP	R9, R0
	BNE	report
	MOVD	120(R19), R19
	B	line
report:
	MOVD	R19, 24(R20)
	MOVD	R0, 32(R20)
	MOVD	$3, R0
	ADD	$24, R20, R1
	MOVD	$16, R2
	MOVD	$SYS_write, R8
	SVC
	MOVD	$125, R0
	B	end

own:
	MOVD	$0x10002, R9
	CMP	R9, R8
	BEQ	go
	MOVD	$0x10003, R9
	CMP	R9, R8
	BEQ	wait
	AND	R1, R0, R0
	MOVD	$0x10001, R9
	CMP	R9, R8
	BEQ	unlike
	CMP	R2, R0
	BEQ	next
	B	refused
unlike:
	CMP	R2, R0
	BNE	next
refused: // as a system call that has failed
	NEG	R3, R0
	B	failed
go:
	MOVD	R0, R19
	B	line

wait: // all signals are blocked: they come here, one at a time
	MOVD	R0, R22
more:
	ADD	$8, R20, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigtimedwait, R8
	SVC
	CMP	$SIGCHLD, R0
	BEQ	reap
	CMP	$0, R0
	BLE	more
	MOVD	R0, R1
	MOVD	R22, R0 // to the command
	MOVD	$SYS_kill, R8
	SVC
	B	more
reap: // all that have ended: one signal may stand for many
	MOVD	$-1, R0
	ADD	$16, R20, R1
	MOVD	$1, R2 // WNOHANG
	MOVD	$0, R3
	MOVD	$SYS_wait4, R8
	SVC
	CMP	$0, R0
	BLE	more
	CMP	R22, R0
	BNE	reap // an orphan
	MOVD	16(R20), R0
	AND	$0x7f, R0, R1
	CBNZ	R1, killed
	LSR	$8, R0, R0
	AND	$0xff, R0, R0
	B	end
killed:
	ADD	$128, R1, R0
end:
	MOVD	$SYS_exit_group, R8
	SVC
	B	end
	WORD $0x20656874 // "the "
	WORD $0x2e646e65 // "end."
	RET
