package main

import (
	"fmt"
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
	// homework: pivot
	// TODO: One mount(2) on "/", with MS_REC|MS_PRIVATE.
	return todo("pivot: private")
}

// overlay lays an empty folder over the rootfs and returns where the two show as one. All
// writes go to the upper folder, in the container's own, and go with it.
func overlay(rootfs, dir string) (merged string, err error) {
	// homework: overlay
	// TODO: Folders upper, work and merged in dir (the kernel wants upper and work on one file
	// system), and one mount(2) of type "overlay" with lowerdir, upperdir and workdir in
	// its options (option escapes a path). The mode of upper is what the container will
	// see as the mode of /: make it that of the rootfs.
	return "", todo("overlay: overlay")
}

// option keeps a comma in a path from ending the option, and a colon from ending the layer.
var option = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`).Replace

// makeReadOnly closes the root to writing: that one mount, and none of those below it.
func makeReadOnly(root int) error {
	// homework: read-only
	// TODO: unix.MountSetattr with AT_EMPTY_PATH and MOUNT_ATTR_RDONLY, not AT_RECURSIVE.
	return todo("read-only: makeReadOnly")
}

// pivot makes the root ours, and leaves nobody the old one.
func pivot(root int) error {
	// homework: pivot
	// TODO: Step into the root (Fchdir). pivot_root(".", ".") lays the old root over the new
	// one, where one unmount of "." finds it (proof pivot-dot): MNT_DETACH, since it is in use.
	// Then chdir to "/".
	return todo("pivot: pivot")
}
