package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/bundle"
	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/doctor"
	"mydocker.example/shared/course/internal/modules"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/course/internal/whole"
	"mydocker.example/vm"
	"mydocker.example/vm/image"
)

// makeBundle packs this commit of the course and all that it needs into one file. FOR=arm64
// makes one for machines with another processor, which have a QEMU of their own.
func makeBundle(ctx context.Context, t tree.Tree, _ []string) error {
	if err := ownLab(); err != nil {
		return err
	}
	c, err := committed(ctx, t)
	if err != nil {
		return err
	}
	arch := os.Getenv("FOR")
	if arch == "" {
		arch = runtime.GOARCH
	}
	out, err := bundleFile(os.Getenv("OUT"), c, arch)
	if err != nil {
		return err
	}
	if err := prefetch(ctx, t, nil); err != nil {
		return err
	}
	im, emulator, err := imageFor(ctx, t, arch)
	if err != nil {
		return err
	}
	s := bundle.Sources{Image: [3]string{im.Kernel, im.Initrd, im.Rootfs}, Emulator: emulator}
	if s.Modules, err = modules.Cache(ctx); err != nil {
		return err
	}
	sums, err := modules.Sums(t)
	if err != nil {
		return err
	}
	if s.Names, err = modules.Files(sums, s.Modules); err != nil {
		return err
	}
	desk, err := os.MkdirTemp(t.Build, "bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(desk)
	if s.Course, s.History, err = c.pack(ctx, t, desk); err != nil {
		return err
	}
	m := bundle.Manifest{Course: c.name, Arch: arch, Lab: im.Key, QEMU: im.QEMU.Version, Packages: im.Packages}
	err = whole.Stream(out, func(w io.Writer) (err error) {
		m, err = bundle.Pack(ctx, w, m, s, c.when, bar(say.T("packing", "упаковка")))
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	fmt.Printf(say.T("%s: %d MB packed, %d MB unpacked, for %s\n", "%s: %d МБ, в распакованном виде %d МБ, для %s\n"), out, info.Size()>>20, m.Bytes()>>20, m.Arch)
	fmt.Printf(say.T("On a machine with Go %s or newer and make, without a network:\n  %s\n", "На машине с Go %s или новее и make, без сети:\n  %s\n"),
		doctor.GoNeeded(t), "tar -xzf "+filepath.Base(out)+" unpack && sh unpack "+filepath.Base(out))
	if emulator == "" {
		fmt.Println(say.T("It brings no QEMU, which that machine must have: brew install qemu, or its distribution's package.", "QEMU в нём нет, он должен быть на той машине: brew install qemu или пакет её дистрибутива."))
	}
	return nil
}

// imageFor is the lab's image for a processor, and the folder of the emulator that goes with it.
func imageFor(ctx context.Context, t tree.Tree, arch string) (im vm.Image, emulator string, err error) {
	o := image.Options{Dir: t.Path("vm"), Log: os.Stderr}
	if arch == runtime.GOARCH {
		return image.Portable(ctx, o)
	}
	im, err = image.Foreign(ctx, o, arch)
	return im, "", err
}

// bundleFile is where the bundle goes: OUT names a file or a folder, a stick's for example. A
// stick that is not there must not become a file of that name.
func bundleFile(out string, c commit, arch string) (string, error) {
	name := "mydocker-course-" + c.name + "-" + arch + ".tar.gz"
	if info, err := os.Stat(out); out == "" || err == nil && info.IsDir() {
		return filepath.Join(out, name), nil
	}
	if !strings.HasSuffix(out, ".tar.gz") {
		return "", fmt.Errorf(say.T("OUT=%s is neither a folder that is there nor a file that ends in .tar.gz", "OUT=%s — не существующий каталог и не файл, который кончается на .tar.gz"), out)
	}
	return out, nil
}

// ownLab refuses to pack, or to replace, what a reader has given of his own.
func ownLab() error {
	for _, name := range []string{"LAB_IMAGE", "LAB_KERNEL"} {
		if os.Getenv(name) != "" {
			return fmt.Errorf(say.T("%s is set: a bundle has the course's own lab; unset it", "задан %s: в архиве едет собственная лаборатория курса; уберите эту переменную"), name)
		}
	}
	return nil
}

// A commit is what a bundle has of the course. What is not committed is not in it.
type commit struct {
	name string // date and short hash
	when time.Time
}

// committed says which commit the checkout is at. Changed files would be missing in the
// bundle, and those of the lab would make its image another; homework/ is anybody's own.
func committed(ctx context.Context, t tree.Tree) (c commit, err error) {
	changed, err := git(ctx, t, "status", "--porcelain", "--", ".", ":!homework")
	if err != nil {
		return c, fmt.Errorf(say.T("a bundle is made of a git checkout: %w", "архив делается из клона git: %w"), err)
	}
	if changed != "" {
		return c, fmt.Errorf(say.T("these files are not committed, and would not be in the bundle; commit them first:\n%s", "эти файлы не закоммичены и в архив не попадут; сначала закоммитьте их:\n%s"), changed)
	}
	line, err := git(ctx, t, "log", "-1", "--format=%ct %h", "--abbrev=10")
	if err != nil {
		return c, err
	}
	seconds, hash, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	c.when = time.Unix(n, 0).UTC()
	c.name = c.when.Format("20060102") + "-" + hash
	return c, err
}

// pack writes the commit as an archive, and with its history where that is whole.
func (c commit) pack(ctx context.Context, t tree.Tree, desk string) (course, history string, err error) {
	course = filepath.Join(desk, "course.tar")
	if _, err := git(ctx, t, "archive", "--format=tar", "-o", course, "HEAD"); err != nil {
		return "", "", err
	}
	shallow, err := git(ctx, t, "rev-parse", "--is-shallow-repository")
	if err != nil || shallow == "true" {
		return course, "", err
	}
	history = filepath.Join(desk, "course.git")
	// One thread: several would not pack the same history into the same bytes.
	_, err = git(ctx, t, "-c", "pack.threads=1", "bundle", "create", "-q", history, "HEAD")
	return course, history, err
}

func git(ctx context.Context, t tree.Tree, args ...string) (string, error) {
	cmd := child.Command(ctx, append([]string{"git"}, args...)...)
	cmd.Dir = t.Root
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimRight(string(out), "\n"), nil
}

// unbundle installs a bundle: the modules into the module cache of go, the lab into the
// course's. Until every file of it has been held against its checksum nothing is changed.
func unbundle(ctx context.Context, t tree.Tree, _ []string) error {
	from := os.Getenv("FROM")
	if from == "" {
		return errors.New(say.T("which one? make unbundle FROM=mydocker-course-….tar.gz", "какой архив? make unbundle FROM=mydocker-course-….tar.gz"))
	}
	if err := ownLab(); err != nil {
		return err
	}
	key, err := vm.Key()
	if err != nil {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	show := bar(say.T("unpacking", "распаковка"))
	b, err := bundle.Open(ctx, &counted{from: f, add: func(done int64) { show(done, info.Size()) }})
	if err == nil {
		err = b.Fits(key, from)
	}
	if err == nil {
		err = roomFor(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	im, err := image.Take(ctx, image.Options{Log: os.Stderr}, func(dir string) (image.Parcel, error) {
		p := image.Parcel{Dir: filepath.Join(dir, "lab"), Name: "bundle-" + b.Sum[:16], Packages: b.Packages}
		if err := b.Extract(dir); err != nil {
			return p, fmt.Errorf("%s: %w", from, err)
		}
		return p, takeModules(ctx, t, filepath.Join(dir, "modules"))
	})
	if err != nil {
		return err
	}
	fmt.Printf(say.T("the lab (QEMU %s) and the Go modules are in place; no network is needed now\n", "лаборатория (QEMU %s) и модули Go на месте; сеть больше не нужна\n"), im.QEMU.Version)
	return nil
}

// takeModules hands the modules to the go command, after a look whether it will take them.
func takeModules(ctx context.Context, t tree.Tree, folder string) error {
	sums, err := modules.Sums(t)
	if err != nil {
		return err
	}
	if err := modules.Verify(sums, folder); err != nil {
		return err
	}
	return modules.Fetch(ctx, t, folder)
}

// roomFor says whether a bundle fits on the disk of the cache. Its modules are unpacked once
// more, in the module cache.
func roomFor(size int64) error {
	cache, err := vm.CacheDir()
	if err != nil {
		return err
	}
	need := uint64(size) + uint64(size)/2
	if free, err := doctor.Free(cache); err == nil && free < need {
		return fmt.Errorf(say.T("it needs %d MB in %s, where %d MB are free; XDG_CACHE_HOME names another disk",
			"ему нужно %d МБ в %s, а свободно там %d МБ; другой диск можно назвать в XDG_CACHE_HOME"), need>>20, cache, free>>20)
	}
	return nil
}

// A counted reader tells how far it is.
type counted struct {
	from io.Reader
	done int64
	add  func(done int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.done += int64(n)
	c.add(c.done)
	return n, err
}

// bar is a line on the terminal that says how much is done. Elsewhere it is silent.
func bar(word string) func(done, of int64) {
	if !say.Terminal() {
		return func(int64, int64) {}
	}
	last := int64(-1)
	return func(done, of int64) {
		percent := done * 100 / max(of, 1)
		if percent == last {
			return
		}
		last = percent
		const width = 20
		n := int(width * done / max(of, 1))
		fmt.Printf("\r%s [%s%s] %d%%\x1b[K", word, strings.Repeat("#", n), strings.Repeat(".", width-n), percent)
		if done >= of {
			fmt.Print("\r\x1b[K")
		}
	}
}
