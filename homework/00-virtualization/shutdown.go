package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// endAll ends every process but this one: it asks, and who is still there when the grace is
// over is killed. It returns as soon as nobody is left.
func endAll(grace time.Duration) error {
	// homework: shutdown
	// TODO: kill(2) with -1 reaches all processes but ours. Ask with SIGTERM, reap those that
	// go, and when the grace is over use SIGKILL, and reap again.
	return todo("shutdown: endAll")
}

// tell writes into the device on which the host listens how the command ended: a decimal
// number and a newline. It returns when the number has got there.
func tell(port string, status unix.WaitStatus) error {
	// homework: exit
	// TODO: The number is what a shell reports, the exit code, or 128+n if signal n ended it.
	// A serial line is slow, and the kernel keeps for it what was written: wait until all is
	// out (tcdrain(3)), or the machine is off first.
	return todo("exit: tell")
}

// powerOff switches the machine off. It returns only when that failed.
func powerOff() error {
	// homework: exit
	// TODO: reboot(2). A process 1 that merely returns makes the kernel panic.
	return todo("exit: powerOff")
}
