// mutant: task=pivot diagnosis=old-root also=read-only
// The old root stays in the folder where pivot_root(2) has put it.

package main

import (
	"errors"
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
	// Last: a folder of the host that is open is a way out, whatever the root (proof 3.11).
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
	readOnlyPaths = []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"}
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
