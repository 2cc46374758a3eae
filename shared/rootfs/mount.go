package rootfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// magic is how the kernel itself calls a file system (statfs(2)).
var magic = map[string]int64{
	"proc":    unix.PROC_SUPER_MAGIC,
	"sysfs":   unix.SYSFS_MAGIC,
	"cgroup2": unix.CGROUP2_SUPER_MAGIC,
}

// mount adds one line of the table. Its place must be a real folder, all the way: an image
// with a link for a /proc would have its procfs mounted elsewhere, and a folder of its own
// making where everybody expects one (CVE-2019-19921).
func (r *root) mount(m Mount) error {
	fd, err := r.openFolder(m.Target, noLinks)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Mount(m.Source, r.at(fd), m.Type, m.Flags, m.Data); err != nil {
		return fmt.Errorf("mount(%q, %q, %q, %#x, %q): %w", m.Source, m.Target, m.Type, m.Flags, m.Data, err)
	}
	want, known := magic[m.Type]
	if !known {
		return nil
	}
	// Once more by name, as the container will find it.
	top, err := r.open(m.Target, noLinks)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(top, &fs); err != nil {
		return fmt.Errorf("fstatfs(%q): %w", m.Target, err)
	}
	if int64(fs.Type) != want {
		return fmt.Errorf("%s in the root file system is no %s: its type is %#x", m.Target, m.Type, fs.Type)
	}
	return nil
}

// bind shows what source holds at the place that target holds, with flags that hold from
// the first moment and for all that is mounted below source. A copy of the tree is made out
// of sight, its flags are set, and then it is hung up (open_tree(2), mount_setattr(2),
// move_mount(2)); MS_BIND would ignore the flags, and a remount would change one mount only.
func bind(source, target int, attr uint64) error {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH)
	kind, err := typeOf(source)
	if err != nil {
		return err
	}
	if kind == unix.S_IFDIR {
		flags |= unix.AT_RECURSIVE
	}
	tree, err := unix.OpenTree(source, "", flags)
	if err != nil {
		return fmt.Errorf("open_tree(OPEN_TREE_CLONE): %w", err)
	}
	defer unix.Close(tree)
	if err := setAttr(tree, attr, kind == unix.S_IFDIR); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}

// setAttr adds flags to the mount whose top fd holds, and leaves the others as they are.
func setAttr(fd int, attr uint64, recursive bool) error {
	if attr == 0 {
		return nil
	}
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	if err := unix.MountSetattr(fd, "", flags, &unix.MountAttr{Attr_set: attr}); err != nil {
		return fmt.Errorf("mount_setattr(%#x): %w", attr, err)
	}
	return nil
}

// makeReadOnly closes a path to writing.
func (r *root) makeReadOnly(name string) error {
	fd, err := r.open(name, noLinks)
	if errors.Is(err, unix.ENOENT) {
		return nil // this kernel does not have it
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := bind(fd, fd, unix.MOUNT_ATTR_RDONLY); err != nil {
		return fmt.Errorf("making %s read-only: %w", name, err)
	}
	return nil
}

// mask hides a path: a folder under an empty tmpfs, anything else under the container's
// own /dev/null. The host's would do as well, until the container changes its mode.
func (r *root) mask(name string) error {
	fd, err := r.open(name, noLinks)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	kind, err := typeOf(fd)
	if err != nil {
		return err
	}
	if kind == unix.S_IFDIR {
		const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		if err := unix.Mount("tmpfs", r.at(fd), "tmpfs", flags, "size=0k"); err != nil {
			return fmt.Errorf("mount(%q, %q, %q): %w", "tmpfs", name, "tmpfs", err)
		}
		return nil
	}
	null, err := r.open("/dev/null", noLinks)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	// An image may bring a /dev/null of its own kind (CVE-2025-31133).
	if err := isDevice(null, Device{Name: "null", Major: 1, Minor: 3}); err != nil {
		return err
	}
	if err := bind(null, fd, unix.MOUNT_ATTR_RDONLY); err != nil {
		return fmt.Errorf("masking %s: %w", name, err)
	}
	return nil
}

// closeDown sets the flags of the root itself, when everything in it is made.
func (r *root) closeDown(c Config) error {
	var attr uint64
	if c.NoDev {
		attr |= unix.MOUNT_ATTR_NODEV
	}
	if c.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	if err := setAttr(r.fd, attr, false); err != nil {
		return fmt.Errorf("the root: %w", err)
	}
	if !c.NoDev || len(c.Devices) == 0 {
		return nil
	}
	dev, err := r.open("/dev", noLinks)
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	if err := setAttr(dev, unix.MOUNT_ATTR_NODEV, false); err != nil {
		return fmt.Errorf("/dev: %w", err)
	}
	return nil
}
