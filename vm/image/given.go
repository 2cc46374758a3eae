package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

// withoutApt is what a reader does where packages cannot be had this way.
const withoutApt = `The lab builds itself on Debian and Ubuntu, WSL2 included. Elsewhere, do two things:
  1. Install QEMU:
       Fedora  sudo dnf install qemu-system-x86-core      (arm64: qemu-system-aarch64-core)
       Arch    sudo pacman -S qemu-system-x86             (arm64: qemu-system-aarch64)
       macOS   brew install qemu
  2. Where there is apt, in a container for example, make bundle packs all that the course
     needs into one file (the machines must have the same kind of processor). Here,
     make unbundle FROM=file puts it in place. LAB_IMAGE=file takes the image alone out of
     it; LAB_IMAGE=dir is a copy of a folder ~/.cache/mydocker-course/lab/image-….
LAB_KERNEL=file takes another kernel (vmlinux or bzImage); its modules, if it needs any, are
looked for in lib/modules/<release> beside it and in /lib/modules/<release>.`

// givenImage is the folder of an image from elsewhere: kernel, initrd, rootfs.squashfs.
// A tar archive, packed or not, is unpacked into a layer.
func (b *builder) givenImage(file string) (string, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return file, isImage(file)
	}
	return layer(b.lab, "given", hash(b.key), func(tmp string) error {
		if err := untarImage(file, tmp); err != nil {
			return err
		}
		return isImage(tmp)
	})
}

func isImage(dir string) error {
	p := partsIn(dir)
	for _, file := range []string{p.kernel, p.initrd, p.rootfs} {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("%s has no %s", dir, filepath.Base(file))
		}
	}
	return nil
}

// untarImage takes the three files out of an archive, whatever folder they are in there.
func untarImage(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := decompress(f)
	if err != nil {
		return err
	}
	return walkTar(plain, func(h *tar.Header, r io.Reader) error {
		name := path.Base(h.Name)
		if h.Typeflag != tar.TypeReg || !slices.Contains([]string{"kernel", "initrd", "rootfs.squashfs"}, name) {
			return nil
		}
		out, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		return errors.Join(err, out.Close())
	})
}

// givenKernel reads a kernel and finds its modules. A kernel that has all the lab needs
// built in does without any.
func givenKernel(file string) (*kernel, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !isBzImage(data) && wholeELF(data) != nil && !isArm64Image(data) {
		return nil, fmt.Errorf("%s is no kernel: neither vmlinux nor bzImage", file)
	}
	k := &kernel{release: kernelRelease(data), image: data}
	if plain, err := vmlinux(data); err == nil {
		k.image = plain
	}
	if k.release == "" {
		k.release = bannerRelease(k.image)
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	for _, root := range []string{filepath.Join(filepath.Dir(file), "lib/modules"), "/lib/modules"} {
		tree := filepath.Join(root, k.release)
		if _, err := os.Stat(filepath.Join(tree, "kernel")); k.release != "" && err == nil {
			return k, k.useModules(os.DirFS(tree))
		}
	}
	k.modules = newModuleSet(func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	return k, nil
}

// useModules takes the modules from a folder as modules_install leaves it.
func (k *kernel) useModules(tree fs.FS) error {
	k.modules = newModuleSet(func(name string) ([]byte, error) { return fs.ReadFile(tree, name) })
	err := fs.WalkDir(tree, "kernel", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			k.modules.add(name)
		}
		return err
	})
	return errors.Join(err, k.modules.readBuiltin())
}

var banner = regexp.MustCompile(`Linux version (\S+) \(`)

// bannerRelease finds what an unpacked kernel will say first.
func bannerRelease(image []byte) string {
	if i := bytes.Index(image, []byte("Linux version ")); i >= 0 {
		if m := banner.FindSubmatch(image[i:min(len(image), i+256)]); m != nil {
			return string(m[1])
		}
	}
	return ""
}
