// mutant: task=pivot diagnosis=old-root also=read-only
// The old root stays in the folder where pivot_root(2) has put it.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// All of this file runs in the child: after clone(2) with CLONE_NEWNS, before the command
// is started. It makes a new root and moves there, in this order:
//
//	private mounts → overlay → /proc, /dev, /sys → volumes → read-only → pivot_root
//
// Nothing of it has to be undone: the mounts are in our mount namespace and end with it.

// enterRoot gives the container a file tree of its own.
func enterRoot(spec Spec) error {
	unix.Umask(0) // the modes below are meant as they stand there
	if err := private(); err != nil {
		return err
	}
	merged, err := overlay(spec.Rootfs, spec.Dir)
	if err != nil {
		return err
	}
	// From here on the root is held by this descriptor, and not found again by a path.
	root, err := unix.Open(merged, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", merged, err)
	}
	defer unix.Close(root)
	for _, m := range mounts {
		if err := m.in(root); err != nil {
			return err
		}
	}
	if err := fillDev(root); err != nil {
		return err
	}
	for _, v := range spec.Volumes {
		if err := v.in(root); err != nil {
			return fmt.Errorf("volume %s: %w", v, err)
		}
	}
	for _, path := range readOnlyPaths {
		if err := bindReadOnly(root, path, path); err != nil {
			return err
		}
	}
	for _, path := range maskedPaths {
		if err := bindReadOnly(root, "/dev/null", path); err != nil {
			return err
		}
	}
	if spec.ReadOnly {
		if err := makeReadOnly(root); err != nil {
			return err
		}
	}
	if err := pivot(root); err != nil {
		return err
	}
	unix.Umask(0o022) // docker's
	// Last: a folder of the host that is open is a way out, whatever the root (proof inherited-descriptor).
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}
	return nil
}

// private cuts our copy of the mount table off from the host's. Before any mount(2), or the
// host would see it; and pivot_root(2) refuses with EINVAL as long as / is shared.
func private() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf(`mount("/", MS_REC|MS_PRIVATE): %w`, err)
	}
	return nil
}

// overlay lays an empty folder over the rootfs and returns where the two show as one. All
// writes go to the upper folder, in the container's own, and go with it.
func overlay(rootfs, dir string) (merged string, err error) {
	upper, work, merged := filepath.Join(dir, "upper"), filepath.Join(dir, "work"), filepath.Join(dir, "merged")
	for _, folder := range []string{upper, work, merged} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(rootfs)
	if err != nil {
		return "", err
	}
	if err := os.Chmod(upper, info.Mode()); err != nil {
		return "", err
	}
	layers := "lowerdir=" + option(rootfs) + ",upperdir=" + option(upper) + ",workdir=" + option(work)
	if err := unix.Mount("overlay", merged, "overlay", 0, layers); err != nil {
		return "", fmt.Errorf("mount(%q, %q, %q): %w", "overlay", merged, layers, err)
	}
	return merged, nil
}

// option keeps a comma in a path from ending the option, and a colon from ending the layer.
var option = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`).Replace

// makeReadOnly closes the root to writing: that one mount, and none of those below it.
func makeReadOnly(root int) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(root, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("mount_setattr(the root, MOUNT_ATTR_RDONLY): %w", err)
	}
	return nil
}

// pivot makes the root ours, and leaves nobody the old one.
func pivot(root int) error {
	if err := unix.Fchdir(root); err != nil {
		return fmt.Errorf("fchdir(the root): %w", err)
	}
	if err := unix.Mkdirat(root, ".old", 0o700); err != nil {
		return fmt.Errorf("mkdir(.old): %w", err)
	}
	if err := unix.PivotRoot(".", ".old"); err != nil {
		return fmt.Errorf("pivot_root(., .old): %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf(`chdir("/"): %w`, err)
	}
	return nil
}
