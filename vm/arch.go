package vm

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// An arch is what differs between processors. amd64 is what the lab is built and tested on.
type arch struct {
	machine string // QEMU's -machine
	console string // the kernel's name for the first serial line
	cpu     string // QEMU's -cpu under emulation
	params  string // more words for its kernel
}

// params are those of every kernel. transparent_hugepage: a program that touches its first byte
// would be given two megabytes of zeros, and an emulated machine needs ten milliseconds to
// write them: as long as a Go program takes to start.
const params = " transparent_hugepage=madvise"

var arches = map[string]arch{
	// no_timer_check: an emulated machine that has to wait for its processor is late with its
	// first timer interrupts, and the kernel would take its interrupt controller for broken.
	"amd64": {machine: "q35", console: "ttyS0", cpu: "max", params: " no_timer_check"},
	"arm64": {machine: "virt", console: "ttyAMA0", cpu: "cortex-a72"},
}

func archOf(name string) (arch, error) {
	a, ok := arches[name]
	if !ok {
		return arch{}, fmt.Errorf("the lab has no guest for %s; it has amd64 and arm64", name)
	}
	return a, nil
}

// cpu is QEMU's -cpu. QEMU 7's emulation of cmpxchg16b corrupts its guests: it goes without.
func (s spec) cpu() string {
	if s.accel != tcg {
		return "host"
	}
	cpu := arches[runtime.GOARCH].cpu
	if s.oldQEMU() && runtime.GOARCH == "amd64" {
		cpu += ",-cx16"
	}
	return cpu
}

// cpus of the guest: two, but one where QEMU is too old to emulate two safely.
func (s spec) cpus() int {
	if s.accel == tcg && s.oldQEMU() {
		return 1
	}
	return 2
}

// oldQEMU: before 9, or of a version that we cannot read.
func (s spec) oldQEMU() bool {
	major, _, _ := strings.Cut(s.image.QEMU.Version, ".")
	n, err := strconv.Atoi(major)
	return err != nil || n < 9
}

// scale is by how much slower than a real machine an emulated one is, for time limits.
// LAB_SCALE overrides it on a machine that is slower still.
func scale(accel string) int {
	if n, err := strconv.Atoi(os.Getenv("LAB_SCALE")); err == nil && n > 0 {
		return n
	}
	if accel == tcg {
		return 6
	}
	return 1
}
