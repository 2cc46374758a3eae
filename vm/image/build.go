package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"mydocker.example/vm"
)

// A builder makes one image.
type builder struct {
	lab, dir, key string // the cache, the image's folder in it, the image's key
	source        string // the folder of module vm
	update        bool   // rewrite the lock
	arch          arch
	log           io.Writer
}

// parts are the files that an image is put together from.
type parts struct {
	kernel, initrd, rootfs string
}

// partsIn names them as they are called in a layer, an image's folder, or one from elsewhere.
func partsIn(dir string) parts {
	return parts{filepath.Join(dir, "kernel"), filepath.Join(dir, "initrd"), filepath.Join(dir, "rootfs.squashfs")}
}

// build makes the layers that are missing, then puts them together in the image's folder.
// The manifest is written last: an image without it is none.
func (b *builder) build(ctx context.Context) (vm.Image, error) {
	agent, err := b.agent(ctx)
	if err != nil {
		return vm.Image{}, err
	}
	im := vm.Image{Key: b.key, Packages: map[string]string{}}
	var noQEMU error
	im.QEMU, noQEMU = installedQEMU(ctx, b.arch)
	packages, err := b.packages(ctx, b.wants(im.QEMU))
	switch {
	case err != nil && noQEMU == nil && os.Getenv("LAB_IMAGE") != "":
		// All that is missing is an emulator newer than the one that is there.
	case err != nil:
		return vm.Image{}, err
	}
	for _, p := range packages {
		im.Packages[p.Name] = p.Version
	}
	if len(packages.group("qemu")) > 0 && major(im.QEMU.Version) < sound {
		if im.QEMU, err = b.qemu(ctx, packages.group("qemu")); err != nil {
			return vm.Image{}, err
		}
	}
	from, err := b.parts(ctx, packages)
	if err != nil {
		return vm.Image{}, err
	}
	if err := b.assemble(from, agent); err != nil {
		return vm.Image{}, err
	}
	made := partsIn(b.dir)
	im.Kernel, im.Initrd, im.Rootfs = made.kernel, made.initrd, made.rootfs
	return im, im.Save(b.dir)
}

// wants leaves out of the packages what the machine has or the reader gives.
func (b *builder) wants(installed vm.QEMU) []string {
	want := []string{"guest", "kernel", "tools", "qemu"}
	if b.update {
		return want // a lock is for all machines
	}
	if os.Getenv("LAB_IMAGE") != "" {
		want = []string{"qemu"}
	}
	if os.Getenv("LAB_KERNEL") != "" {
		want = slices.DeleteFunc(want, func(name string) bool { return name == "kernel" })
	}
	if major(installed.Version) >= sound {
		want = slices.DeleteFunc(want, func(name string) bool { return name == "qemu" })
	}
	return want
}

// parts makes the kernel, the modules and the root file system, or takes those given.
func (b *builder) parts(ctx context.Context, packages lock) (parts, error) {
	var k *kernel
	if file := os.Getenv("LAB_KERNEL"); file != "" {
		var err error
		if k, err = givenKernel(file); err != nil {
			return parts{}, fmt.Errorf("LAB_KERNEL: %w", err)
		}
	}
	image := os.Getenv("LAB_IMAGE")
	if image == "" {
		base, err := b.base(ctx, packages, k)
		return partsIn(base), err
	}
	dir, err := b.givenImage(image)
	if err != nil {
		return parts{}, fmt.Errorf("LAB_IMAGE: %w", err)
	}
	p := partsIn(dir)
	if k == nil {
		return p, nil
	}
	// The modules of the image's own kernel are no use to another one.
	own, err := layer(b.lab, "kernel", hash(b.key), func(tmp string) error { return k.write(tmp) })
	return parts{partsIn(own).kernel, partsIn(own).initrd, p.rootfs}, err
}

// base is the layer that changes with the packages only: kernel, modules, root file system.
func (b *builder) base(ctx context.Context, packages lock, k *kernel) (string, error) {
	recipe, err := vm.Recipe()
	if err != nil {
		return "", err
	}
	key := []string{b.arch.Go, recipe}
	if k != nil {
		key = append(key, b.key) // which counts the kernel that was given
	}
	for _, group := range []string{"guest", "kernel", "tools"} {
		for _, p := range packages.group(group) {
			key = append(key, p.String(), p.SHA256)
		}
	}
	return layer(b.lab, "base", hash(key...), func(tmp string) error {
		fmt.Fprintln(b.log, "lab: making the guest's kernel and root file system")
		return b.makeBase(ctx, tmp, packages, k)
	})
}

func (b *builder) makeBase(ctx context.Context, dir string, packages lock, k *kernel) error {
	tools, err := b.tools(ctx, filepath.Join(dir, "tools"), packages.group("tools"))
	if err != nil {
		return err
	}
	if k == nil {
		debs, err := b.verified(packages.group("kernel"))
		if err != nil {
			return err
		}
		if k, err = readKernel(ctx, debs); err != nil {
			return err
		}
	}
	if err := k.write(dir); err != nil {
		return err
	}
	modules, err := k.modules.order(k.modules.names(append(slices.Clone(bootModules), rootModules...)))
	if err != nil {
		return err
	}
	debs, err := b.verified(packages.group("guest"))
	if err != nil {
		return err
	}
	root, err := rootTree(ctx, debs)
	if err != nil {
		return err
	}
	if len(modules) > 0 {
		indexes, err := tools.depmod(ctx, filepath.Join(dir, "tools", "depmod"), k.release, k.modules, modules)
		if err != nil {
			return err
		}
		root.addModules(k.release, modules, indexes)
	}
	if err := tools.squash(ctx, root, partsIn(dir).rootfs); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, "tools")) // they were for this only
}

// assemble fills the image's folder: links to what it is made from, and an initramfs.
func (b *builder) assemble(from parts, agent []byte) error {
	tmp, err := os.MkdirTemp(b.lab, tmpPrefix+"image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	to := partsIn(tmp)
	if err := errors.Join(linkOrCopy(from.kernel, to.kernel), linkOrCopy(from.rootfs, to.rootfs)); err != nil {
		return err
	}
	initrd, err := os.ReadFile(from.initrd)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to.initrd, withAgent(initrd, agent), 0o644); err != nil {
		return err
	}
	// What stands there is no image, or the manifest would have been found.
	if err := os.RemoveAll(b.dir); err != nil {
		return err
	}
	return os.Rename(tmp, b.dir)
}

// withAgent appends an archive with the agent. The kernel unpacks one archive after the
// other, and a later file replaces an earlier one: the agent changes, the modules do not.
func withAgent(initrd, agent []byte) []byte {
	out := bytes.NewBuffer(slices.Clone(initrd))
	out.Write(make([]byte, (4-len(initrd)%4)%4))
	archive := newCpio(out)
	archive.file("init", 0o755, agent)
	archive.close() // a bytes.Buffer takes everything
	return out.Bytes()
}

// agent builds the program that is process 1 of the guest.
func (b *builder) agent(ctx context.Context) ([]byte, error) {
	tmp, err := os.MkdirTemp(b.lab, tmpPrefix+"agent-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "init")
	cmd := command(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./agent")
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+b.arch.Go, "GOWORK=off")
	if _, err := output(cmd); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// linkOrCopy makes the same file appear twice, at no cost where the file system allows it.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
