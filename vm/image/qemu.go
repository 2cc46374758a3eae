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

// qemu is the layer with the emulator from packages.
func (b *builder) qemu(ctx context.Context, packages lock) (vm.QEMU, error) {
	recipe, err := vm.Recipe()
	if err != nil {
		return vm.QEMU{}, err
	}
	key := []string{b.arch.Go, recipe}
	for _, p := range packages {
		key = append(key, p.String(), p.SHA256)
	}
	program := "usr/bin/" + b.arch.QEMU
	dir, err := layer(b.lab, "qemu", hash(key...), func(tmp string) error {
		debs, err := b.verified(packages)
		if err != nil {
			return err
		}
		return unpack(ctx, tmp, b.arch, debs, func(name string) bool {
			return name == program || isFirmware(b.arch, name) || isAccel(b.arch, name)
		})
	})
	if err != nil {
		return vm.QEMU{}, err
	}
	q := unpacked(dir, b.arch)
	q.Version, err = qemuVersion(ctx, q.Argv)
	if err == nil || ctx.Err() != nil {
		return q, err
	}
	fmt.Fprintf(b.log, "lab: the emulator does not run out of the cache: %v\n", err)
	if err := b.install(ctx, b.arch.EmulatorPackages...); err != nil {
		return vm.QEMU{}, err
	}
	return installedQEMU(ctx, b.arch)
}

// unpacked is how to call the emulator that lies in dir as in its packages.
func unpacked(dir string, a arch) vm.QEMU {
	argv := tool{dir, a}.argv("usr/bin/" + a.QEMU)
	for _, data := range firmwareDirs {
		// It has to be told where its data is.
		argv = append(argv, "-L", filepath.Join(dir, data))
	}
	return vm.QEMU{Argv: argv, Env: []string{"QEMU_MODULE_DIR=" + filepath.Join(dir, a.Libs, "qemu")}}
}

var firmwareDirs = []string{"usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"}

func isFirmware(a arch, name string) bool {
	return slices.Contains(firmwareDirs, path.Dir(name)) && slices.Contains(a.Firmware, path.Base(name))
}

// isAccel knows the emulated processor where it is a file of its own, as Ubuntu has it.
func isAccel(a arch, name string) bool {
	ok, _ := path.Match(a.Libs+"/qemu/accel-*.so", name)
	return ok
}
