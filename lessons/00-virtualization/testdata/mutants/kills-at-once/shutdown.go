// mutant: task=shutdown diagnosis=no-grace
// Nobody is asked.

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// endAll ends every process but this one: it asks, and who is still there when the grace is
// over is killed. It returns as soon as nobody is left.
func endAll(grace time.Duration) error {
	// homework: shutdown
	// TODO: kill(2) with -1 reaches all processes but ours. Ask with SIGTERM, reap those that
	// go, and when the grace is over use SIGKILL, and reap again.
	for _, signal := range []unix.Signal{unix.SIGKILL} {
		if err := unix.Kill(-1, signal); errors.Is(err, unix.ESRCH) {
			return nil // there is nobody
		} else if err != nil {
			return fmt.Errorf("kill(-1, %v): %w", signal, err)
		}
		for deadline := time.Now().Add(grace); time.Now().Before(deadline); {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return nil // they have all gone: every process is a child of ours in the end
			}
			if pid == 0 { // there are some, and none has ended just now
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
	return fmt.Errorf("somebody has survived SIGKILL for %v", grace)
	// end
}

// tell writes into the device on which the host listens how the command ended: a decimal
// number and a newline. It returns when the number has got there.
func tell(port string, status unix.WaitStatus) error {
	// homework: exit
	// TODO: The number is what a shell reports, the exit code, or 128+n if signal n ended it.
	// A serial line is slow, and the kernel keeps for it what was written: wait until all is
	// out (tcdrain(3)), or the machine is off first.
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	f, err := os.OpenFile(port, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%d\n", code); err != nil {
		return err
	}
	// TCSBRK with a 1 is what tcdrain(3) is made of (tty_ioctl(4)).
	if err := unix.IoctlSetInt(int(f.Fd()), unix.TCSBRK, 1); err != nil {
		return fmt.Errorf("ioctl(%s, TCSBRK): %w", port, err)
	}
	return nil
	// end
}

// powerOff switches the machine off. It returns only when that failed.
func powerOff() error {
	// homework: exit
	// TODO: reboot(2). A process 1 that merely returns makes the kernel panic.
	unix.Sync() // what was written goes to the disks, if there are any
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		return fmt.Errorf("reboot(LINUX_REBOOT_CMD_POWER_OFF): %w", err)
	}
	return nil
	// end
}
