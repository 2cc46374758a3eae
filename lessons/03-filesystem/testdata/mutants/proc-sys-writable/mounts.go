// mutant: task=escape diagnosis=proc-sys
// The switches of the kernel are open.

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// This file runs in the child, too: what hangs on the new root, and how it gets there. None
// of it is found by a path that begins at the host's root.

// A mount is a line of the new mount table, in the words of mount(2).
type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

var mounts = []mount{
	{"proc", "/proc", "proc", quiet, ""}, // of our PID namespace: we are in it
	{"tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=755,size=64k"},
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
	{"shm", "/dev/shm", "tmpfs", quiet, "mode=1777,size=64m"},
	{"mqueue", "/dev/mqueue", "mqueue", quiet, ""},
	{"sysfs", "/sys", "sysfs", quiet | unix.MS_RDONLY, ""},
}

// in mounts one line of the table in the new root.
func (m mount) in(root int) error {
	fd, err := place(root, m.target, unix.S_IFDIR|0o755)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Mount(m.source, through(fd), m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("mount(%q, %q, %q, %q): %w", m.source, m.target, m.fstype, m.data, err)
	}
	return nil
}

// through is a path to what a descriptor holds, for calls that take paths. It leads there
// and nowhere else, whatever has become of the names (proc_pid_fd(5)).
func through(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// place opens a path of the container in the new root. A symbolic link in the rootfs, be it
// absolute or full of "..", must not lead the mount that follows out to the host: it is to
// mean what it means to a process whose / the root already is (openat2(2)). What is missing
// is made, the last part with mode, folders above it.
func place(root int, path string, mode uint32) (fd int, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err = unix.Openat2(root, path, &how)
	if errors.Is(err, unix.ENOENT) {
		above, err := place(root, filepath.Dir(path), unix.S_IFDIR|0o755)
		if err != nil {
			return -1, err
		}
		defer unix.Close(above)
		if mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.Mkdirat(above, filepath.Base(path), mode&^unix.S_IFMT)
		} else {
			err = unix.Mknodat(above, filepath.Base(path), mode, 0)
		}
		if err != nil {
			return -1, fmt.Errorf("making %q in the rootfs: %w", path, err)
		}
		fd, err = unix.Openat2(root, path, &how)
		if err != nil {
			return -1, fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", path, err)
		}
		return fd, nil
	}
	if err != nil {
		return -1, fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", path, err)
	}
	return fd, nil
}

// A device is a node in /dev (mknod(2)): its numbers are all there is to it.
type device struct {
	name         string
	major, minor uint32
}

// Documentation/admin-guide/devices.txt
var devices = []device{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

var devLinks = []struct{ name, target string }{
	{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
}

// fillDev makes the nodes and links in the tmpfs that is the container's /dev.
func fillDev(root int) error {
	dev, err := place(root, "/dev", unix.S_IFDIR|0o755)
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	for _, d := range devices {
		if err := unix.Mknodat(dev, d.name, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil {
			return fmt.Errorf("mknod(/dev/%s, %d:%d): %w", d.name, d.major, d.minor, err)
		}
	}
	for _, l := range devLinks {
		if err := unix.Symlinkat(l.target, dev, l.name); err != nil {
			return fmt.Errorf("symlink(%q, /dev/%s): %w", l.target, l.name, err)
		}
	}
	return nil
}

// What a container may read but not change, and what it is not to see, of a procfs and a
// sysfs that are the kernel's, and so the host's, however freshly they are mounted. These
// are the plainest; docker's lists are longer.
var (
	readOnlyPaths = []string{"/proc/sysrq-trigger"}
	maskedPaths   = []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"}
)

// bindReadOnly lays source, read-only, over target. A target that this kernel does not have
// needs none. Both are paths in the root.
func bindReadOnly(root int, source, target string) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS}
	to, err := unix.Openat2(root, target, &how)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", target, err)
	}
	defer unix.Close(to)
	from, err := unix.Openat2(root, source, &how)
	if err != nil {
		return fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", source, err)
	}
	defer unix.Close(from)
	if err := bind(from, to, true); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// bind shows at the place that to holds what from holds. MS_BIND ignores MS_RDONLY, and a
// remount would change one mount of what may be a tree. So the copy is made out of sight
// and closed to writing, and then hung up: there is no moment in which it can be written.
func bind(from, to int, readOnly bool) error {
	tree, err := unix.OpenTree(from, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("open_tree(OPEN_TREE_CLONE): %w", err)
	}
	defer unix.Close(tree)
	if readOnly {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
			return fmt.Errorf("mount_setattr(MOUNT_ATTR_RDONLY): %w", err)
		}
	}
	if err := unix.MoveMount(tree, "", to, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}
