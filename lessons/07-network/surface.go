package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// The surface is the number of doors at which the untrusted side may knock: system calls of
// the host's kernel for a process and for a container, places where a device answers for a
// machine. It says nothing of how well each door is made. One bad one is enough; but every
// one that is not there is not bad.

// doors is what a probe found (surfaceprobe.go).
type doors struct {
	Answered []int // system calls behind which there is code, and it was reached
	Refused  []int // those that the filter stopped
}

var surface = proof.Proof{
	ID: "surface", Dangerous: true, Timeout: time.Minute, // it calls every system call that there is
	Guest: func(r *proof.Report) error {
		process, err := probeSurface("")
		if err != nil {
			return err
		}
		r.Sawf("process", fmt.Sprintf("a process: of the numbers 0 to %d, not ENOSYS", lastCall), "%d", len(process.Answered))
		container, err := probeSurface("filtered")
		if err != nil {
			return err
		}
		r.Sawf("container", "the same behind the default filter: reach the kernel's code", "%d", len(container.Answered))
		lost := 0
		for _, call := range container.Refused {
			if slices.Contains(process.Answered, call) {
				lost++
			}
		}
		r.Sawf("refused", "of what the process reaches, the filter refuses", "%d", lost)
		for _, call := range []struct {
			name   string
			number int
		}{{"read", unix.SYS_READ}, {"clone", unix.SYS_CLONE}, {"keyctl", unix.SYS_KEYCTL}, {"bpf", unix.SYS_BPF}, {"kexec_load", unix.SYS_KEXEC_LOAD}} {
			word := "reaches the kernel's code"
			if slices.Contains(container.Refused, call.number) {
				word = "refused"
			}
			r.Saw("call-"+call.name, call.name+"(2) behind the filter", word)
		}

		machine, err := countDoors()
		if err != nil {
			return err
		}
		r.Saw("devices", "a machine: ls /sys/bus/{pci,pnp}/devices | wc -l", fmt.Sprint(machine.devices))
		r.Saw("windows", "a machine: ranges of device addresses, /proc/ioports and /proc/iomem", fmt.Sprint(machine.windows))
		r.Saw("calls", "a machine: system calls of the host that it can make", "0")
		r.Saw("", "doors", chartOf([]doorBar{
			{"process", len(process.Answered), "system calls"},
			{"container", len(container.Answered), "system calls"},
			{"VM", machine.windows, "device windows"},
		}))
		return nil
	},
	Judge: func(s *proof.Seen) {
		process, container, machine := s.Int("process"), s.Int("container"), s.Int("windows")
		s.Check(process > 300, "a kernel with %d system calls", process)
		s.Check(container < process && container > 200, "the filter leaves %d of %d", container, process)
		s.Check(container+s.Int("refused") == process, "%d and %d are not the %d of a process", container, s.Int("refused"), process)
		s.Check(machine > 0 && machine < container/2, "a machine has %d windows, a container %d calls", machine, container)
		for call, want := range map[string]string{
			"read": "reaches the kernel's code", "clone": "reaches the kernel's code",
			"keyctl": "refused", "bpf": "refused", "kexec_load": "refused",
		} {
			s.Equal("call-"+call, want)
		}
	},
}

// probeSurface has a process of its own knock at every door, since it will not be the same after.
func probeSurface(how string) (doors, error) {
	var found doors
	// No stderr: a Go program that is sent into rt_sigreturn(2) crashes, and says so at length.
	cmd := reexec.Command("surface-probe", how)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return found, fmt.Errorf("the probe: %w: %s", err, out)
	}
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(out, &found)
}

// A machineDoors is what a machine's kernel can reach of what plays its hardware.
type machineDoors struct{ devices, windows int }

// countDoors runs in the machine, and counts from inside: what its kernel has found.
func countDoors() (machineDoors, error) {
	var found machineDoors
	for _, bus := range []string{"pci", "pnp"} {
		devices, err := os.ReadDir("/sys/bus/" + bus + "/devices")
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // only PCs have pnp
			return found, err
		}
		found.devices += len(devices)
	}
	for _, file := range []string{"/proc/ioports", "/proc/iomem"} {
		table, err := os.ReadFile(file)
		if err != nil {
			return found, err
		}
		found.windows += countWindows(string(table))
	}
	return found, nil
}

// countWindows counts the ranges of addresses at which a device answers. A bus is a range
// too, and what lies in it counts; a name within a device's range is its driver's, and does
// not.
func countWindows(table string) (n int) {
	inside := -1 // below a range of this depth nothing counts
	for line := range strings.Lines(table) {
		rest := strings.TrimLeft(line, " ")
		depth := len(line) - len(rest)
		_, name, ok := strings.Cut(strings.TrimSpace(rest), " : ")
		if !ok || inside >= 0 && depth > inside {
			continue
		}
		inside = -1
		if strings.HasPrefix(name, "PCI Bus") {
			continue
		}
		inside = depth
		if !slices.ContainsFunc(noDevice, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			n++
		}
	}
	return n
}

// noDevice is what else stands in these tables: memory, and the firmware in it.
var noDevice = []string{"System RAM", "Reserved", "System ROM", "Video ROM", "ACPI", "RAM buffer"}

// A doorBar is one line of the chart.
type doorBar struct {
	name string
	n    int
	unit string
}

// chartOf draws bars for a terminal, on a straight scale.
func chartOf(bars []doorBar) string {
	const width = 36
	top := 1
	for _, b := range bars {
		top = max(top, b.n)
	}
	var lines []string
	for _, b := range bars {
		lines = append(lines, fmt.Sprintf("%-10s %s %d %s", b.name, strings.Repeat("█", max(1, b.n*width/top)), b.n, b.unit))
	}
	return strings.Join(lines, "\n")
}
