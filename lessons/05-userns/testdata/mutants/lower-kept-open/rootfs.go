// mutant: task=attack diagnosis=descriptor
// Process 1 keeps the folder that it was handed.

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
// the child, which is not to depend on where we stand.
func checkRootfs(path string) (string, error) {
	if path == "" {
		return "", nil // the default, later
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
	config := rootfs.Defaults()
	config.Root = spec.Rootfs
	config.Overlay = &rootfs.Overlay{Upper: "upper", Work: "work", Merged: "merged"} // in the container's folder, where we are
	config.Volumes, config.ReadOnly = spec.Volumes, spec.ReadOnly
	if spec.UIDMap != nil {
		config.Overlay.UserXattr = true
		for i, m := range config.Mounts {
			if m.Type == "sysfs" {
				// It shows the devices of a network, and only the owner of that network namespace
				// may mount it. Until lesson 07 that is the host: an empty folder instead.
				config.Mounts[i] = rootfs.Mount{Source: "tmpfs", Target: m.Target, Type: "tmpfs", Flags: m.Flags &^ unix.MS_RDONLY, Data: "mode=755,size=16k"}
			}
		}
	}
	if spec.Lower == handedIn {
		config.Root = fmt.Sprintf("/proc/self/fd/%d", lowerFD)
	}
	if spec.Lower == translatedTree {
		if err := layDown(lowerFD, "lower"); err != nil {
			return err
		}
		config.Root = "lower"
	}
	if spec.Groups != "" {
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
