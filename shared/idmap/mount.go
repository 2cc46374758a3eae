package idmap

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Tree is a detached copy of the mount at source whose owners are translated by a user
// namespace: what is 0 on the disk is there whatever 0 of the namespace is outside. The
// files below stay as they are. It lies nowhere until Attach lays it somewhere; when the
// descriptor is closed before, it is gone.
//
// The caller has CAP_SYS_ADMIN where the file system was mounted: for a disk, on the host
// (mount_setattr(2)). EINVAL: the file system cannot do it.
func Tree(source string, userns *os.File) (*os.File, error) {
	// A mount that is visible somewhere cannot be changed this way: hence the copy first.
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open_tree(%q, OPEN_TREE_CLONE): %w", source, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("mount_setattr(%q, MOUNT_ATTR_IDMAP): %w", source, err)
	}
	return os.NewFile(uintptr(fd), source), nil
}

// Attach lays a tree onto target. The descriptor stays the caller's to close.
func Attach(tree *os.File, target string) error {
	if err := unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount(%q, %q): %w", tree.Name(), target, err)
	}
	return nil
}

// Mount is Tree and Attach: a bind mount with other owners.
func Mount(source, target string, userns *os.File) error {
	tree, err := Tree(source, userns)
	if err != nil {
		return err
	}
	defer tree.Close()
	return Attach(tree, target)
}
