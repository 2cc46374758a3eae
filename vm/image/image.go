// Package image makes what the lab boots from, out of the packages of the machine's own
// distribution: a kernel, an initramfs with the agent and its modules, a root file system,
// and where the machine has none that is good enough, an emulator. It needs no root, and
// changes nothing outside the cache.
package image

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mydocker.example/vm"
)

// Options say where the sources are and who wants to know.
type Options struct {
	Dir string    // the folder of module vm; "" asks the go command
	Log io.Writer // progress, for people; nil = none
}

// Ensure returns the image of this tree, and builds what is missing.
func Ensure(ctx context.Context, o Options) (vm.Image, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	key, err := vm.Key()
	if err != nil {
		return vm.Image{}, err
	}
	dir, err := vm.ImageDir(key)
	if err != nil {
		return vm.Image{}, err
	}
	update := os.Getenv("LAB_LOCK") == "update"
	if im, err := load(dir); err == nil && !update {
		return im, nil
	}
	lab := filepath.Dir(dir)
	if err := os.MkdirAll(lab, 0o755); err != nil {
		return vm.Image{}, err
	}
	unlock, err := lockCache(ctx, lab, o.Log)
	if err != nil {
		return vm.Image{}, err
	}
	defer unlock()
	if im, err := load(dir); err == nil && !update {
		return im, nil // it was made while we waited
	}
	sweep(lab)
	a, err := guestArch()
	if err != nil {
		return vm.Image{}, err
	}
	if o.Dir == "" {
		if o.Dir, err = moduleDir(ctx); err != nil {
			return vm.Image{}, err
		}
	}
	b := &builder{lab: lab, dir: dir, key: key, source: o.Dir, update: update, arch: a, log: o.Log}
	return b.build(ctx)
}

// load returns the image in dir if it is whole and its emulator is still there.
func load(dir string) (vm.Image, error) {
	im, err := vm.Load(dir)
	if err != nil {
		return im, err
	}
	for _, file := range []string{im.Kernel, im.Initrd, im.Rootfs} {
		if _, err := os.Stat(file); err != nil {
			return im, err
		}
	}
	if len(im.QEMU.Argv) == 0 {
		return im, vm.ErrNoImage
	}
	_, err = exec.LookPath(im.QEMU.Argv[0])
	return im, err
}

func moduleDir(ctx context.Context) (string, error) {
	dir, err := run(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "mydocker.example/vm")
	return strings.TrimSpace(dir), err
}
