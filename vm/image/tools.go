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

// squash makes a squashfs of the tree. Of all packings lz4 is by far the fastest to make and,
// on an emulated processor, to read.
func (t tool) squash(ctx context.Context, files tree, out string) error {
	argv := append(t.argv("usr/bin/sqfstar"), "-quiet", "-no-progress", "-mkfs-time", "0", "-root-mode", "0755",
		"-comp", "lz4", out)
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
func (t tool) depmod(ctx context.Context, release string, set *moduleSet, list []*module) (map[string][]byte, error) {
	dir, err := os.MkdirTemp(filepath.Dir(t.root), tmpPrefix+"depmod-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
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
	// kmod is depmod when that is its name.
	if err := os.Symlink(filepath.Join(t.root, "usr/bin/kmod"), filepath.Join(dir, "depmod")); err != nil {
		return nil, err
	}
	argv := t.argv("usr/bin/kmod")
	argv[len(argv)-1] = filepath.Join(dir, "depmod")
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
