// Hello is the program that lesson 00 starts three times: as a process, in a container, and
// as the only program of a virtual machine. It does not know in which of them it is.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

func main() {
	var kernel syscall.Utsname
	syscall.Uname(&kernel)
	var memory syscall.Sysinfo_t
	syscall.Sysinfo(&memory)
	var files []string
	entries, _ := os.ReadDir("/")
	for _, e := range entries {
		files = append(files, e.Name())
	}
	fmt.Printf("Hello, %s! I am process %d on Linux %s with %d MiB of memory; around me: %s.\n",
		strings.Join(os.Args[1:], " "), os.Getpid(), text(kernel.Release[:]),
		uint64(memory.Totalram)*uint64(memory.Unit)>>20, strings.Join(files, " "))
	fmt.Scanln() // Enter ends it
}

// text is a string of C: it ends at the first zero.
func text[char int8 | uint8](field []char) string {
	var s []byte
	for _, c := range field {
		if c == 0 {
			break
		}
		s = append(s, byte(c))
	}
	return string(s)
}
