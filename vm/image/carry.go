package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/vm"
)

// A Parcel is what is carried of an image to another machine.
type Parcel struct {
	Dir      string // the image's three files, as they are called in the cache, and the folder qemu
	Name     string // tells this parcel's emulator from others
	Packages map[string]string
}

// Portable is Ensure for an image that is to be carried. The emulator is one that was unpacked
// into the cache: a machine that has a good one installed unpacks one all the same. emulator
// is its folder.
func Portable(ctx context.Context, o Options) (im vm.Image, emulator string, err error) {
	if im, err = Ensure(ctx, o); err != nil {
		return im, "", err
	}
	a, err := guestArch()
	if err != nil {
		return im, "", err
	}
	if dir, ok := unpackedIn(im.QEMU, a); ok {
		return im, dir, nil
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	lab := filepath.Dir(im.Dir())
	unlock, err := lockCache(ctx, lab, o.Log)
	if err != nil {
		return im, "", err
	}
	defer unlock()
	if o.Dir == "" {
		if o.Dir, err = moduleDir(ctx); err != nil {
			return im, "", err
		}
	}
	b := &builder{lab: lab, dir: im.Dir(), key: im.Key, source: o.Dir, arch: a, log: o.Log}
	packages, err := b.packages(ctx, b.wants(vm.QEMU{}))
	if err != nil {
		return im, "", err
	}
	if im.QEMU, err = b.qemu(ctx, packages.group("qemu")); err != nil {
		return im, "", err
	}
	for _, p := range packages {
		im.Packages[p.Name] = p.Version
	}
	dir, ok := unpackedIn(im.QEMU, a)
	if !ok {
		return im, "", fmt.Errorf("QEMU does not run out of %s, so it cannot be carried: is that disk mounted noexec? XDG_CACHE_HOME names another", lab)
	}
	return im, dir, nil
}

// Foreign is the image for machines with another processor, as GOARCH says it, and no emulator:
// it cannot be started here. Its kernel and its packages are theirs, the tools that put them
// together are this machine's.
func Foreign(ctx context.Context, o Options, goarch string) (im vm.Image, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if im.Key, err = vm.KeyFor(goarch); err != nil {
		return im, err
	}
	theirs, err := archOf(goarch)
	if err != nil {
		return im, err
	}
	own, err := guestArch()
	if err != nil {
		return im, err
	}
	dir, err := vm.ImageDir(im.Key)
	if err != nil {
		return im, err
	}
	if there, err := vm.Load(dir); err == nil && isImage(dir) == nil {
		return there, nil
	}
	lab := filepath.Dir(dir)
	if err := os.MkdirAll(lab, 0o755); err != nil {
		return im, err
	}
	unlock, err := lockCache(ctx, lab, o.Log)
	if err != nil {
		return im, err
	}
	defer unlock()
	sweep(lab)
	if o.Dir == "" {
		if o.Dir, err = moduleDir(ctx); err != nil {
			return im, err
		}
	}
	b := &builder{lab: lab, dir: dir, key: im.Key, source: o.Dir, arch: theirs, log: o.Log}
	agent, err := b.agent(ctx)
	if err != nil {
		return im, err
	}
	packages, err := b.packages(ctx, []string{"guest", "kernel"})
	if err != nil {
		return im, err
	}
	im.Packages = map[string]string{}
	for _, p := range packages {
		im.Packages[p.Name] = p.Version
	}
	here := *b
	here.arch = own
	tools, err := here.packages(ctx, here.wants(vm.QEMU{}))
	if err != nil {
		return im, err
	}
	base, err := b.base(ctx, append(packages, tools.group("tools")...), nil)
	if err != nil {
		return im, err
	}
	if err := b.assemble(partsIn(base), agent); err != nil {
		return im, err
	}
	made := partsIn(dir)
	im.Kernel, im.Initrd, im.Rootfs = made.kernel, made.initrd, made.rootfs
	return im, im.Save(dir)
}

// unpackedIn is the folder that an emulator runs out of. An installed one has none.
func unpackedIn(q vm.QEMU, a arch) (dir string, ok bool) {
	if len(q.Argv) == 0 {
		return "", false
	}
	return strings.CutSuffix(q.Argv[0], "/"+a.Libs+"/"+a.Loader)
}

// Take gives this tree an image from elsewhere. fill is given a folder, to unpack a parcel
// there; an error of its own leaves the cache as it was.
func Take(ctx context.Context, o Options, fill func(dir string) (Parcel, error)) (im vm.Image, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	im.Key, err = vm.Key()
	if err != nil {
		return im, err
	}
	dir, err := vm.ImageDir(im.Key)
	if err != nil {
		return im, err
	}
	a, err := guestArch()
	if err != nil {
		return im, err
	}
	lab := filepath.Dir(dir)
	if err := os.MkdirAll(lab, 0o755); err != nil {
		return im, err
	}
	// Held while the parcel is unpacked, too: who gets the lock sweeps what is unfinished.
	unlock, err := lockCache(ctx, lab, o.Log)
	if err != nil {
		return im, err
	}
	defer unlock()
	sweep(lab)
	tmp, err := os.MkdirTemp(lab, tmpPrefix+"parcel-")
	if err != nil {
		return im, err
	}
	defer os.RemoveAll(tmp)
	p, err := fill(tmp)
	if err != nil {
		return im, err
	}
	if there, err := load(dir); err == nil {
		return there, nil // it may be in use, and is as good
	}
	if err := isImage(p.Dir); err != nil {
		return im, err
	}
	if im.QEMU, err = carried(ctx, lab, p, a); err != nil {
		return im, err
	}
	whole := filepath.Join(tmp, "whole")
	if err := os.Mkdir(whole, 0o755); err != nil {
		return im, err
	}
	from, to, final := partsIn(p.Dir), partsIn(whole), partsIn(dir)
	err = errors.Join(os.Rename(from.kernel, to.kernel), os.Rename(from.initrd, to.initrd), os.Rename(from.rootfs, to.rootfs))
	if err != nil {
		return im, err
	}
	im.Kernel, im.Initrd, im.Rootfs, im.Packages = final.kernel, final.initrd, final.rootfs, p.Packages
	if err := errors.Join(im.Save(whole), os.RemoveAll(dir)); err != nil {
		return im, err
	}
	return im, os.Rename(whole, dir)
}

// carried puts the parcel's emulator into the cache if it runs there. Where it does not (macOS,
// a disk that is mounted noexec), an installed one will do.
func carried(ctx context.Context, lab string, p Parcel, a arch) (vm.QEMU, error) {
	from := filepath.Join(p.Dir, "qemu")
	_, err := qemuVersion(ctx, unpacked(from, a).Argv)
	if err == nil {
		dir, err := layer(lab, "qemu", p.Name, func(tmp string) error {
			return errors.Join(os.Remove(tmp), os.Rename(from, tmp))
		})
		if err != nil {
			return vm.QEMU{}, err
		}
		q := unpacked(dir, a)
		q.Version, err = qemuVersion(ctx, q.Argv)
		return q, err
	}
	if ctx.Err() != nil {
		return vm.QEMU{}, ctx.Err()
	}
	q, missing := installedQEMU(ctx, a)
	if missing != nil {
		if _, none := os.Stat(from); none != nil {
			err = none
		}
		return q, fmt.Errorf("no QEMU was brought that runs here (%w), and none is installed: %w\n%s", err, missing, withoutApt)
	}
	return q, nil
}
