//go:build linux

// The agent is the first process of the lab's guest: it boots the machine, then does what
// the host asks for over a virtio-serial port, and powers off when the host is gone.
//
// It is PID 1 for a reason: the kernel gives PID 1 no SIGKILL (kill(2)) and the OOM killer
// passes it by, so that a lesson that starves or kills what it can reach does not end the
// conversation about it.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "agent: this is the lab's init; it runs as PID 1 of a guest only")
		os.Exit(2)
	}
	err := boot()
	if err == nil {
		err = serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		unix.IoctlSetInt(2, unix.TCSBRK, 1) // tcdrain(3): the console shows it before the power goes
	}
	powerOff()
}

// powerOff ends the guest. When init returns, the kernel panics; this is the orderly way.
func powerOff() {
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}
