// pupil: attacked 0 the lab is restarted
package main

import "syscall"

func init() { syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART) }
