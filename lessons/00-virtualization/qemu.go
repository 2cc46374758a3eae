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

// boards is what QEMU and the kernel call things on each kind of processor. With
// no_timer_check the kernel believes its timer: on a busy host an emulated one is late with
// its first interrupts, and would be taken for broken.
var boards = map[string]struct{ machine, cpu, console, second, params string }{
	"amd64": {"q35", "max", "ttyS0", "ttyS1", "no_timer_check"},
	"arm64": {"virt", "cortex-a72", "ttyAMA0", "ttyAMA1", ""},
}

// guestMemory is what a guest of this lesson gets.
const guestMemory = "256M"

// A guest is a virtual machine as data: a kernel, and all the files that it will have.
type guest struct {
	programs map[string]string // the path in the initrd → the file of ours
	init     string            // which of them becomes process 1
	params   string            // more words for the kernel
	args     []string          // the words for init
}

// qemu is the command that starts the machine, not started yet.
func (g guest) qemu() (*exec.Cmd, error) {
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
	archive, err := initrd(g.programs)
	if err != nil {
		return nil, err
	}
	// Up to "--" the words are the kernel's; those after it are arguments of init.
	words := fmt.Sprintf("console=%s quiet panic=-1 %s rdinit=%s %s -- %s", board.console, board.params, g.init, g.params, strings.Join(g.args, " "))
	argv := append(slices.Clone(image.QEMU.Argv),
		"-machine", board.machine+",accel="+accel, "-cpu", cpu, "-m", guestMemory,
		"-nodefaults", "-no-user-config", // no network card, no disk, no screen
		"-display", "none", "-serial", "stdio", // its serial line is our standard input and output
		"-no-reboot", // a guest that restarts ends QEMU
		"-kernel", image.Kernel,
		"-initrd", "/proc/self/fd/3",
		"-append", words,
	)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), image.QEMU.Env...)
	cmd.ExtraFiles = []*os.File{archive} // descriptor 3
	return cmd, nil
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }
