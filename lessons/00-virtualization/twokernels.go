package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() {
	reexec.Register("looks", looks)
	reexec.Register("/crashes", crashes)
}

// bootID is made by a kernel when it boots, and kept until it ends: the name of a kernel
// that runs (random(4)).
const bootID = "/proc/sys/kernel/random/boot_id"

// looks prints which kernel it runs on. It runs as a process, and in the guest.
func looks() {
	id, err := os.ReadFile(bootID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("boot_id %s\n", strings.TrimSpace(string(id)))
}

// crashes is the init of a guest: it looks, and brings its kernel down.
func crashes() {
	if err := errors.Join(
		os.Mkdir("/proc", 0o555),
		unix.Mount("proc", "/proc", "proc", 0, ""),
	); err != nil {
		fmt.Println(err)
		return
	}
	looks()
	// sysrq: what Alt+SysRq+c on the keyboard would do (the kernel's admin-guide/sysrq.rst).
	if err := os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0); err != nil {
		fmt.Println(err)
	}
}

var bootIDLine = regexp.MustCompile(`boot_id (\S+)`)

// twoKernels brings one kernel down and looks at the other.
var twoKernels = proof.Proof{
	ID: "two-kernels", Host: true, Timeout: bootTime,
	Guest: func(r *proof.Report) error {
		before, err := machineState(r, "before")
		if err != nil {
			return err
		}
		process, err := start(reexec.Command("looks"))
		if err != nil {
			return err
		}
		defer process.kill()
		seen, err := process.until(bootIDLine)
		if err != nil {
			return err
		}
		r.Saw("id-process", "a process: "+bootID, seen[1])

		cmd, err := guest{programs: map[string]string{"crashes": "/proc/self/exe"}, init: "/crashes"}.qemu()
		if err != nil {
			return err
		}
		machine, err := start(cmd)
		if err != nil {
			return err
		}
		defer machine.kill()
		if seen, err = machine.until(bootIDLine); err != nil {
			return err
		}
		r.Saw("id-guest", "init of a guest: "+bootID, seen[1])
		said, _, err := machine.rest()
		if err != nil {
			return err
		}
		r.Saw("panic", "the guest's kernel", ends.FindString(said))

		after, err := machineState(r, "after")
		if err != nil {
			return err
		}
		r.Sawf("went-on", "seconds that our kernel has lived meanwhile", "%.1f", after-before)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Same("id-process", "id-before")
		s.Differ("id-guest", "id-before")
		s.Equal("panic", "Kernel panic - not syncing: sysrq triggered crash")
		s.Same("id-after", "id-before") // a machine that restarted would have a new one
		s.Check(number(s.Get("went-on")) > 0, "the clock of this machine went back: it has restarted")
	},
}

// machineState reports which kernel this machine runs, and returns since when, in seconds.
func machineState(r *proof.Report, when string) (uptime float64, err error) {
	id, err := os.ReadFile(bootID)
	if err != nil {
		return 0, err
	}
	r.Saw("id-"+when, "this machine: "+bootID, strings.TrimSpace(string(id)))
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseFloat(first, 64)
}

// number is the number at the beginning of a fact, or 0.
func number(fact string) float64 {
	first, _, _ := strings.Cut(fact, " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}
