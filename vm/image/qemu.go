package image

import (
	"context"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mydocker.example/vm"
)

// sound is the first release whose emulated processor can be trusted with two cores:
// 7.2 corrupts guests.
const sound = 9

// installedQEMU is the emulator that the machine has, or an error.
func installedQEMU(ctx context.Context, a arch) (vm.QEMU, error) {
	file, err := exec.LookPath(a.QEMU)
	if err != nil {
		return vm.QEMU{}, err
	}
	q := vm.QEMU{Argv: []string{file}}
	q.Version, err = qemuVersion(ctx, q.Argv)
	return q, err
}

// qemuVersion asks the emulator itself: "QEMU emulator version 10.0.2 (Debian …)".
func qemuVersion(ctx context.Context, argv []string) (string, error) {
	said, err := run(ctx, argv[0], append(argv[1:], "--version")...)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(said, "version ")
	version := strings.Fields(rest + " ?")[0]
	if major(version) == 0 {
		return "", fmt.Errorf("%s --version says %q", argv[0], said)
	}
	return version, nil
}

// major is the first number of a version, 0 if it has none.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}

// unpackQEMU lays the emulator out in dir.
func unpackQEMU(ctx context.Context, dir string, a arch, debs []string) error {
	return unpack(ctx, dir, a, debs, func(name string) bool {
		return name == "usr/bin/"+a.QEMU || isFirmware(a, name)
	})
}

func isFirmware(a arch, name string) bool {
	in := path.Dir(name)
	return (in == "usr/share/qemu" || in == "usr/share/seabios" || in == "usr/lib/ipxe/qemu") &&
		slices.Contains(a.Firmware, path.Base(name))
}

// unpackedQEMU is the emulator in dir: it has to be told where its data is.
func unpackedQEMU(ctx context.Context, dir string, a arch) (vm.QEMU, error) {
	argv := tool{dir, a}.argv("usr/bin/" + a.QEMU)
	for _, data := range []string{"usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"} {
		argv = append(argv, "-L", filepath.Join(dir, data))
	}
	version, err := qemuVersion(ctx, argv)
	return vm.QEMU{Argv: argv, Version: version}, err
}
