package rootfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// fillDev makes the nodes and links of /dev. Each node is bound onto itself: a mount of its
// own, which stays open to devices when /dev is closed to them (Config.NoDev). So whoever
// can make a node inside, with whatever numbers, cannot open it.
func (r *root) fillDev(devices []Device, links []Link) error {
	if len(devices)+len(links) == 0 {
		return nil
	}
	dev, err := r.open("/dev", noLinks)
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	// Never into the rootfs's own /dev: a runtime that did has written through a link in it
	// to the host's.
	var fs unix.Statfs_t
	if err := unix.Fstatfs(dev, &fs); err != nil {
		return fmt.Errorf("fstatfs(%q): %w", "/dev", err)
	}
	if fs.Type != unix.TMPFS_MAGIC {
		return fmt.Errorf("devices need a tmpfs on /dev; its type is %#x", fs.Type)
	}
	for _, d := range devices {
		if err := r.makeDevice(dev, d); err != nil {
			return fmt.Errorf("/dev/%s: %w", d.Name, err)
		}
	}
	for _, l := range links {
		if err := unix.Symlinkat(l.Target, dev, l.Name); err != nil {
			return fmt.Errorf("symlinkat(%q, /dev, %q): %w", l.Target, l.Name, err)
		}
	}
	return nil
}

func (r *root) makeDevice(dev int, d Device) error {
	err := unix.Mknodat(dev, d.Name, unix.S_IFCHR|d.Mode, int(unix.Mkdev(d.Major, d.Minor)))
	if errors.Is(err, unix.EPERM) {
		return r.bindDevice(dev, d) // in a user namespace nobody makes nodes
	}
	if err != nil {
		return fmt.Errorf("mknod(%d:%d): %w", d.Major, d.Minor, err)
	}
	node, err := openNode(dev, d.Name)
	if err != nil {
		return err
	}
	defer unix.Close(node)
	return bind(node, node, 0)
}

// bindDevice borrows the host's node. Its owner is nobody in a user namespace, so its mode
// cannot be changed from inside.
func (r *root) bindDevice(dev int, d Device) error {
	const file = unix.S_IFREG | 0o644
	if err := unix.Mknodat(dev, d.Name, file, 0); err != nil {
		return fmt.Errorf("mknod(a file): %w", err)
	}
	place, err := openNode(dev, d.Name)
	if err != nil {
		return err
	}
	defer unix.Close(place)
	node, err := openNode(unix.AT_FDCWD, "/dev/"+d.Name)
	if err != nil {
		return err
	}
	defer unix.Close(node)
	if err := isDevice(node, d); err != nil {
		return err
	}
	return bind(node, place, 0)
}

func openNode(dir int, name string) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("openat(%q): %w", name, err)
	}
	return fd, nil
}

// isDevice holds what a descriptor holds against the numbers that it must have.
func isDevice(fd int, d Device) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("fstat(%d): %w", fd, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(st.Rdev) != d.Major || unix.Minor(st.Rdev) != d.Minor {
		return fmt.Errorf("%s is not the character device %d:%d", d.Name, d.Major, d.Minor)
	}
	return nil
}
