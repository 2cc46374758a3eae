package image

import (
	"fmt"
	"runtime"
	"strings"
)

// An arch is what differs between the processors of the guest.
type arch struct {
	Go     string // as GOARCH says it
	Debian string // as dpkg says it
	QEMU   string // the emulator's name
	Loader string // the dynamic loader, in Libs
	Libs   string // the folder of the libraries in a package, after usrmerge
	// The package of the emulator and what the emulator needs beside it.
	EmulatorPackages []string
	Firmware         []string // file names that are kept of the emulator's data
	KernelMeta       string   // suffix of the packages linux-image-…
}

var arches = []arch{
	{
		Go: "amd64", Debian: "amd64", QEMU: "qemu-system-x86_64",
		Loader:           "ld-linux-x86-64.so.2",
		Libs:             "usr/lib/x86_64-linux-gnu",
		EmulatorPackages: []string{"qemu-system-x86"},
		Firmware:         []string{"bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "linuxboot.bin", "multiboot_dma.bin", "pvh.bin", "efi-virtio.rom"},
		KernelMeta:       "amd64",
	},
	{
		Go: "arm64", Debian: "arm64", QEMU: "qemu-system-aarch64",
		Loader:           "ld-linux-aarch64.so.1",
		Libs:             "usr/lib/aarch64-linux-gnu",
		EmulatorPackages: []string{"qemu-system-arm"},
		Firmware:         []string{"efi-virtio.rom"},
		KernelMeta:       "arm64",
	},
}

// guestArch is the machine's own: foreign code runs no faster than foreign machines.
func guestArch() (arch, error) { return archOf(runtime.GOARCH) }

func archOf(goarch string) (arch, error) {
	var known []string
	for _, a := range arches {
		if a.Go == goarch {
			return a, nil
		}
		known = append(known, a.Go)
	}
	return arch{}, fmt.Errorf("the lab knows no guest for %s, only for %s", goarch, strings.Join(known, " and "))
}
