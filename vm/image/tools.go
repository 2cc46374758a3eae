package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A tool is a program that runs out of a folder into which its packages were unpacked:
// by its own dynamic loader, with its own libraries (ld.so(8)).
type tool struct {
	root string
	arch arch
}

// argv is how to call the program at this path in the packages.
func (t tool) argv(program string) []string {
	if t.root == "" {
		return []string{path.Base(program)} // installed
	}
	libs := filepath.Join(t.root, t.arch.Libs)
	return []string{filepath.Join(libs, t.arch.Loader), "--library-path", libs, filepath.Join(t.root, program)}
}

// unpack lays the files of packages out on disk, as far as keep wants them, with all libraries.
func unpack(ctx context.Context, dir string, a arch, debs []string, keep func(name string) bool) error {
	t := tree{}
	for _, file := range debs {
		err := t.addDeb(ctx, file, func(name string) bool { return isLibrary(a, name) || keep(name) })
		if err != nil {
			return err
		}
	}
	for name, n := range t {
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		var err error
		switch n.Typeflag {
		case tar.TypeReg:
			err = os.WriteFile(target, n.data, os.FileMode(n.Mode)&0o755|0o600)
		case tar.TypeSymlink:
			err = os.Symlink(withinTree(name, n.Linkname), target)
		case tar.TypeLink:
			return fmt.Errorf("%s is a hard link", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withinTree makes an absolute link relative, so that it stays in the folder.
func withinTree(name, target string) string {
	if !path.IsAbs(target) {
		return target
	}
	return strings.Repeat("../", strings.Count(name, "/")) + canonical(target)
}

// tools unpacks what the build itself needs. Where programs may not be run out of the cache
// (it is mounted noexec, say), they are installed.
func (b *builder) tools(ctx context.Context, dir string, packages lock) (tool, error) {
	programs := []string{"usr/bin/sqfstar", "usr/bin/mksquashfs", "usr/bin/kmod", "usr/sbin/depmod"}
	debs, err := b.verified(packages)
	if err != nil {
		return tool{}, err
	}
	own, err := guestArch() // of this machine, whatever the guest's is
	if err != nil {
		return tool{}, err
	}
	err = unpack(ctx, dir, own, debs, func(name string) bool { return slices.Contains(programs, name) })
	if err != nil {
		return tool{}, err
	}
	t := tool{dir, own}
	argv := t.argv("usr/sbin/depmod")
	if _, err := run(ctx, argv[0], append(argv[1:], "--version")...); err == nil || ctx.Err() != nil {
		return t, ctx.Err()
	} else {
		fmt.Fprintf(b.log, "lab: programs do not run out of the cache: %v\n", err)
	}
	return tool{}, b.install(ctx, "squashfs-tools", "kmod")
}

// install has the machine's package manager install packages, after saying by which
// command. It asks for no password: without the right, that command is the error.
func (b *builder) install(ctx context.Context, packages ...string) error {
	argv := append([]string{"apt-get", "install", "--no-install-recommends", "-y"}, packages...)
	if os.Geteuid() != 0 {
		argv = append([]string{"sudo", "-n"}, argv...)
	}
	line := strings.TrimPrefix(strings.Join(argv, " "), "sudo -n ")
	fmt.Fprintf(b.log, "lab: installing: %s\n", line)
	if _, err := run(ctx, argv[0], argv[1:]...); err != nil {
		return fmt.Errorf("%w\nRun this as root, then try again: %s", err, line)
	}
	return nil
}

// squash makes a squashfs of the tree. Of all packings lz4 is by far the fastest to make and,
// on an emulated processor, to read.
func (t tool) squash(ctx context.Context, files tree, out string) error {
	argv := append(t.argv("usr/bin/sqfstar"), "-quiet", "-no-progress", "-mkfs-time", "0", "-all-time", "0", "-root-mode", "0755",
		"-exports", "-comp", "lz4", out)
	cmd := command(ctx, argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	writeErr := files.write(in)
	in.Close()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("sqfstar: %w\n%s", err, strings.TrimSpace(said.String()))
	}
	return writeErr
}

// depmod returns the files by which modprobe and the kernel find a module.
// It works on a copy of the tree in dir.
func (t tool) depmod(ctx context.Context, dir, release string, set *moduleSet, list []*module) (map[string][]byte, error) {
	base := filepath.Join(dir, "lib/modules", release)
	for _, m := range list {
		file := filepath.Join(base, m.Path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, m.Data, 0o644); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		data, err := set.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(base, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	argv := t.argv("usr/sbin/depmod")
	if _, err := run(ctx, argv[0], append(argv[1:], "-b", dir, release)...); err != nil {
		return nil, err
	}
	indexes := map[string][]byte{}
	made, err := filepath.Glob(filepath.Join(base, "modules.*"))
	if err != nil {
		return nil, err
	}
	for _, file := range made {
		if indexes[file], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return indexes, nil
}
