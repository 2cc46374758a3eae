// Package image makes what the lab boots from, out of the packages of the machine's own
// distribution: a kernel, an initramfs with the agent and its modules, a root file system,
// and where the machine has none that is good enough, an emulator. It needs no root, and
// changes nothing outside the cache.
package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	_, err = exec.LookPath(im.QEMU.Argv[0])
	return im, err
}

func moduleDir(ctx context.Context) (string, error) {
	dir, err := run(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "mydocker.example/vm")
	return strings.TrimSpace(dir), err
}

// A builder makes one image.
type builder struct {
	lab, dir, key string // the cache, the image's folder in it, its key
	source        string // module vm
	update        bool   // rewrite the lock
	arch          arch
	log           io.Writer
}

// build makes the layers that are missing, then links them together in the image's folder.
// The manifest is written last: an image without it is none.
func (b *builder) build(ctx context.Context) (vm.Image, error) {
	agent, err := b.agent(ctx)
	if err != nil {
		return vm.Image{}, err
	}
	given, err := b.given()
	if err != nil {
		return vm.Image{}, err
	}
	im := vm.Image{Key: b.key, Packages: map[string]string{}}
	im.QEMU, err = installedQEMU(ctx, b.arch)
	haveQEMU := err == nil && major(im.QEMU.Version) >= sound
	var base, qemu string
	if given == "" || !haveQEMU {
		packages, err := b.packages(ctx, haveQEMU)
		if err != nil {
			return vm.Image{}, err
		}
		for _, p := range packages {
			im.Packages[p.Name] = p.Version
		}
		if base, err = b.base(ctx, packages); err != nil {
			return vm.Image{}, err
		}
		if !haveQEMU {
			if qemu, err = b.qemu(ctx, packages); err != nil {
				return vm.Image{}, err
			}
			if im.QEMU, err = unpackedQEMU(ctx, qemu, b.arch); err != nil {
				return vm.Image{}, err
			}
		}
	}
	if given != "" {
		base = given
	}
	if err := b.assemble(base, agent); err != nil {
		return vm.Image{}, err
	}
	im.Kernel = filepath.Join(b.dir, "kernel")
	im.Initrd = filepath.Join(b.dir, "initrd")
	im.Rootfs = filepath.Join(b.dir, "rootfs.squashfs")
	return im, im.Save(b.dir)
}

// assemble fills the image's folder: links to the base, and an initramfs of its own.
func (b *builder) assemble(base string, agent []byte) error {
	if err := os.RemoveAll(b.dir); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(b.lab, tmpPrefix+"image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"kernel", "rootfs.squashfs"} {
		if err := linkOrCopy(filepath.Join(base, name), filepath.Join(tmp, name)); err != nil {
			return err
		}
	}
	initrd, err := os.ReadFile(filepath.Join(base, "initrd"))
	if err != nil {
		return err
	}
	// The kernel unpacks one archive after the other, so the agent is one of its own:
	// it changes, and the modules do not.
	out := bytes.NewBuffer(initrd)
	archive := newCpio(out)
	archive.file("init", 0o755, agent)
	if err := archive.close(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "initrd"), out.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, b.dir)
}

// agent builds the program that is process 1 of the guest.
func (b *builder) agent(ctx context.Context) ([]byte, error) {
	tmp, err := os.MkdirTemp(b.lab, tmpPrefix+"agent-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "init")
	cmd := command(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./agent")
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+b.arch.Go)
	if _, err := output(cmd); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// base is the layer that changes with the packages only: kernel, modules, root file system.
func (b *builder) base(ctx context.Context, packages lock) (string, error) {
	recipe, err := vm.Recipe()
	if err != nil {
		return "", err
	}
	key := []string{b.arch.Go, recipe}
	for _, group := range []string{"guest", "kernel", "tools"} {
		for _, p := range packages.group(group) {
			key = append(key, p.String(), p.SHA256)
		}
	}
	return layer(b.lab, "base", hash(key...), func(tmp string) error {
		fmt.Fprintln(b.log, "lab: making the guest's kernel and root file system")
		return b.makeBase(ctx, tmp, packages)
	})
}

func (b *builder) makeBase(ctx context.Context, tmp string, packages lock) error {
	tools := tool{filepath.Join(tmp, "tools"), b.arch}
	err := unpack(ctx, tools.root, b.arch, b.files(packages.group("tools")), func(name string) bool {
		return slices.Contains([]string{"usr/bin/sqfstar", "usr/bin/mksquashfs", "usr/bin/kmod"}, name)
	})
	if err != nil {
		return err
	}
	k, err := readKernel(ctx, b.files(packages.group("kernel")))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "kernel"), k.image, 0o644); err != nil {
		return err
	}
	boot, err := k.modules.order(k.modules.names(bootModules))
	if err != nil {
		return err
	}
	if err := writeInitrd(filepath.Join(tmp, "initrd"), boot); err != nil {
		return err
	}
	all, err := k.modules.order(k.modules.names(append(slices.Clone(bootModules), rootModules...)))
	if err != nil {
		return err
	}
	indexes, err := tools.depmod(ctx, k.release, k.modules, all)
	if err != nil {
		return err
	}
	root, err := rootTree(ctx, b.files(packages.group("guest")))
	if err != nil {
		return err
	}
	addModules(root, k.release, all, indexes)
	if err := tools.squash(ctx, root, filepath.Join(tmp, "rootfs.squashfs")); err != nil {
		return err
	}
	return os.RemoveAll(tools.root)
}

// writeInitrd packs the modules, and the list by which the agent loads them.
func writeInitrd(file string, modules []*module) error {
	var out, list bytes.Buffer
	archive := newCpio(&out)
	for _, m := range modules {
		name := "lib/modules/" + filepath.Base(m.Path)
		archive.file(name, 0o644, m.Data)
		fmt.Fprintf(&list, "/%s\n", name)
	}
	archive.file("modules.list", 0o644, list.Bytes())
	if err := archive.close(); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// qemu is the layer with the emulator.
func (b *builder) qemu(ctx context.Context, packages lock) (string, error) {
	key := []string{b.arch.Go, strings.Join(b.arch.Firmware, " ")}
	part := packages.group("qemu")
	for _, p := range part {
		key = append(key, p.String(), p.SHA256)
	}
	return layer(b.lab, "qemu", hash(key...), func(tmp string) error {
		return unpackQEMU(ctx, tmp, b.arch, b.files(part))
	})
}

// files are the packages' places in the cache.
func (b *builder) files(l lock) []string {
	var files []string
	for _, p := range l {
		files = append(files, filepath.Join(b.lab, "debs", p.file()))
	}
	return files
}

// packages returns what the image is made from, all of it in the cache.
func (b *builder) packages(ctx context.Context, haveQEMU bool) (lock, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, errors.Join(errNoApt, errors.New(withoutApt))
	}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, err
	}
	d, err := findDistro(osRelease(string(text)))
	if err != nil {
		return nil, errors.Join(err, errors.New(withoutApt))
	}
	a := &apt{dir: filepath.Join(b.lab, "apt"), debs: filepath.Join(b.lab, "debs"), arch: b.arch.Debian, distro: d, log: b.log}
	if err := os.MkdirAll(a.debs, 0o755); err != nil {
		return nil, err
	}
	wanted := slices.DeleteFunc(groups(b.arch, d), func(g group) bool { return g.Name == "qemu" && haveQEMU && !b.update })
	name := fmt.Sprintf("packages-%s-%s-%s.lock", d.ID, orElse(d.Version, d.Codename), b.arch.Go)
	return b.locked(ctx, a, wanted, filepath.Join(b.source, name))
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// linkOrCopy makes the same file appear twice, at no cost where the cache allows it.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
