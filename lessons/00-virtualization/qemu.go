package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"mydocker.example/vm"
)

// boards is what QEMU and the kernel call things on each kind of processor.
var boards = map[string]struct{ machine, cpu, console string }{
	"amd64": {"q35", "max", "ttyS0"},
	"arm64": {"virt", "cortex-a72", "ttyAMA0"},
}

// guestMemory is what a guest of this lesson gets.
const guestMemory = "256M"

// qemu is the command that starts a virtual machine: a kernel, and the programs of the
// initrd, of which the kernel starts init. It is not started yet.
func qemu(programs map[string]string, init string, args ...string) (*exec.Cmd, error) {
	image, err := vm.Find()
	if err != nil {
		return nil, err
	}
	board := boards[runtime.GOARCH]
	accel, err := vm.Accelerator(context.Background(), image)
	if err != nil {
		return nil, err
	}
	cpu := board.cpu
	if accel != "tcg" {
		cpu = "host"
	} else if major, _, _ := strings.Cut(image.QEMU.Version, "."); runtime.GOARCH == "amd64" && atoi(major) < 9 {
		cpu += ",-cx16" // QEMU 7 emulates cmpxchg16b wrongly
	}
	archive, err := initrd(programs)
	if err != nil {
		return nil, err
	}
	argv := append(slices.Clone(image.QEMU.Argv),
		"-machine", board.machine+",accel="+accel, "-cpu", cpu, "-m", guestMemory,
		"-nodefaults", "-no-user-config", // no network card, no disk, no screen
		"-display", "none", "-serial", "stdio", // its serial line is our standard input and output
		"-no-reboot", // a guest that restarts ends QEMU
		"-kernel", image.Kernel,
		"-initrd", "/proc/self/fd/3",
		// Up to "--" the words are the kernel's; those after it are arguments of init.
		"-append", fmt.Sprintf("console=%s quiet panic=-1 rdinit=%s -- %s", board.console, init, strings.Join(args, " ")),
	)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), image.QEMU.Env...)
	cmd.ExtraFiles = []*os.File{archive} // descriptor 3
	return cmd, nil
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }
