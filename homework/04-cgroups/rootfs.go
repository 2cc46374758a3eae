package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/rootfs"
)

// What lesson 03 wrote by hand is shared/rootfs now. Here is what it is asked for.

// checkRootfs runs on the host's side, before anything is recorded. It returns the path for
// the child, which is not to depend on where we stand; without one, that of the default.
func checkRootfs(path, root string) (string, error) {
	if path == "" {
		path = filepath.Join(root, "rootfs")
		return path, rootfs.Default(path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("rootfs %q: there is no such folder", path)
	}
	if err != nil {
		return "", fmt.Errorf("rootfs: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("rootfs %q is not a folder", path)
	}
	return path, nil
}

// enterRoot gives the container a file tree of its own. It runs in the child: after clone(2)
// with CLONE_NEWNS, before the command is started.
func enterRoot(spec Spec) error {
	layers, err := layers(spec)
	if err != nil {
		return err
	}
	config := rootfs.Defaults()
	config.Root, config.Overlay = spec.Rootfs, &layers
	config.Volumes, config.ReadOnly = spec.Volumes, spec.ReadOnly
	if spec.Cgroup {
		// Mounted in a cgroup namespace, the tree begins at the namespace's root: our group.
		// Nothing above it is there (proof cgroup-namespace).
		const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY
		config.Mounts = append(config.Mounts, rootfs.Mount{Source: "cgroup2", Target: "/sys/fs/cgroup", Type: "cgroup2", Flags: flags})
	}
	if err := config.Enter(); err != nil {
		return err
	}
	unix.Umask(0o022) // docker's
	return rootfs.CloseOnExec()
}

// layers are the folders of the overlay, in the container's own. The mode of the upper one
// is what the container will see as the mode of /: that of the rootfs.
func layers(spec Spec) (rootfs.Overlay, error) {
	in := func(name string) string { return filepath.Join(spec.Dir, name) }
	o := rootfs.Overlay{Upper: in("upper"), Work: in("work"), Merged: in("merged")}
	info, err := os.Stat(spec.Rootfs)
	if err != nil {
		return o, err
	}
	for _, folder := range []string{o.Upper, o.Work, o.Merged} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return o, err
		}
	}
	return o, os.Chmod(o.Upper, info.Mode())
}
