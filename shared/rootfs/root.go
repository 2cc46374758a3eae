package rootfs

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A root is the new root while it is made: the top of a mount, held by a descriptor.
type root struct {
	fd   int
	path string // for pivot's error only
	proc string // where our own procfs is, for /proc/self/fd
}

// openRoot makes a mount of the folder that is to be the root: pivot_root(2) takes nothing
// else. An overlay is one; a folder is bound onto itself.
func (c Config) openRoot() (*root, error) {
	r := &root{path: c.Root, proc: c.Proc}
	if r.proc == "" {
		r.proc = "/proc"
	}
	if c.Overlay != nil {
		if err := c.Overlay.mount(c.Root); err != nil {
			return nil, err
		}
		r.path = c.Overlay.Merged
	} else if err := unix.Mount(c.Root, c.Root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return nil, fmt.Errorf("mount(%q, %q, MS_BIND|MS_REC): %w", c.Root, c.Root, err)
	}
	var err error
	r.fd, err = unix.Open(r.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", r.path, err)
	}
	return r, nil
}

func (r *root) close() { unix.Close(r.fd) }

// How a path in the root is walked. Both keep to the root. Links are followed for the
// user's paths, as they would be inside; never for those of the kernel's file systems.
const (
	withLinks = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	noLinks   = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS
)

// open finds a place in the root and holds it (O_PATH).
func (r *root) open(name string, resolve uint64) (int, error) {
	for {
		fd, err := unix.Openat2(r.fd, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve})
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EAGAIN): // somebody renames on the way; openat2(2) says to try again
			continue
		case errors.Is(err, unix.ELOOP) && resolve == noLinks:
			return -1, fmt.Errorf("%s in the root file system must not be, or be below, a symbolic link: %w", name, err)
		}
		return -1, fmt.Errorf("openat2(%q, %q): %w", r.path, name, err)
	}
}

// openFolder is open, and makes what is missing of the path.
func (r *root) openFolder(name string, resolve uint64) (int, error) {
	fd, err := r.open(name, resolve)
	if errors.Is(err, unix.ENOENT) {
		fd, err = r.makeFolders(name, resolve)
	}
	if err != nil {
		return -1, err
	}
	kind, err := typeOf(fd)
	if err == nil && kind != unix.S_IFDIR {
		err = fmt.Errorf("%s in the root file system: %w", name, unix.ENOTDIR)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// makeFolders makes each folder of a path that is missing, and opens the last.
func (r *root) makeFolders(name string, resolve uint64) (int, error) {
	at := "/"
	for _, part := range strings.Split(path.Clean("/"+name), "/") {
		if part == "" {
			continue
		}
		if err := r.make(at, part, resolve, unix.S_IFDIR|0o755); err != nil {
			return -1, err
		}
		at = path.Join(at, part)
	}
	return r.open(at, resolve)
}

// openFile is open, and makes an empty file, and folders above it, where there is nothing.
func (r *root) openFile(name string, resolve uint64) (int, error) {
	dir, base := path.Split(path.Clean("/" + name))
	above, err := r.openFolder(dir, resolve)
	if err != nil {
		return -1, err
	}
	unix.Close(above)
	if err := r.make(dir, base, resolve, unix.S_IFREG|0o644); err != nil {
		return -1, err
	}
	return r.open(path.Join(dir, base), resolve)
}

// make makes one thing in the folder at, unless there is something of that name.
func (r *root) make(at, base string, resolve uint64, mode uint32) error {
	fd, err := r.open(at, resolve)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.Mkdirat(fd, base, mode&^unix.S_IFMT)
	} else {
		err = unix.Mknodat(fd, base, mode, 0)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		// A read-only root that has the folder says EROFS, not EEXIST, on some file systems.
		if probe, found := r.open(path.Join(at, base), resolve); found == nil {
			unix.Close(probe)
			return nil
		}
		return fmt.Errorf("making %s in the root file system: %w", path.Join(at, base), err)
	}
	return nil
}

// typeOf is the file type of what a descriptor holds: S_IFDIR, S_IFREG, …
func typeOf(fd int) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("fstat(%d): %w", fd, err)
	}
	return st.Mode & unix.S_IFMT, nil
}

// at is a path to what a descriptor holds, for calls that take nothing but paths.
func (r *root) at(fd int) string { return fmt.Sprintf("%s/self/fd/%d", r.proc, fd) }

// pivot makes the root ours and the old one nobody's.
func (r *root) pivot() error {
	if err := unix.Fchdir(r.fd); err != nil {
		return fmt.Errorf("fchdir(%q): %w", r.path, err)
	}
	// The old root is laid over the new one and taken off again (pivot_root(2), "."): there
	// is no need of a folder to put it in, which a read-only root would not have.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root(%q): %w", r.path, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount2(the old root, MNT_DETACH): %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("chdir(%q): %w", "/", err)
	}
	return nil
}
