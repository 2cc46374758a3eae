package rootfs

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Volume is a folder or a file of the host, shown at a place in the root.
type Volume struct {
	Source, Target string // absolute, both
	ReadOnly       bool
}

// String is the volume as it was asked for.
func (v Volume) String() string {
	if v.ReadOnly {
		return v.Source + ":" + v.Target + ":ro"
	}
	return v.Source + ":" + v.Target
}

// ParseVolume reads HOST:CONTAINER[:ro].
func ParseVolume(text string) (Volume, error) {
	parts := strings.Split(text, ":")
	v := Volume{}
	switch {
	case len(parts) == 3 && (parts[2] == "ro" || parts[2] == "rw"):
		v.ReadOnly = parts[2] == "ro"
	case len(parts) != 2:
		return v, fmt.Errorf("volume %q is not HOST:CONTAINER[:ro]", text)
	}
	if !path.IsAbs(parts[0]) || !path.IsAbs(parts[1]) {
		return v, fmt.Errorf("volume %q: both paths begin with /", text)
	}
	v.Source, v.Target = path.Clean(parts[0]), path.Clean(parts[1])
	if v.Target == "/" {
		return v, fmt.Errorf("volume %q: / is the root file system's place", text)
	}
	return v, nil
}

// bindVolume hangs a volume up. Links in the root are followed as they would be inside: to
// nowhere else but the root. What is missing of the target is made.
func (r *root) bindVolume(v Volume) error {
	source, err := unix.Open(v.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", v.Source, err)
	}
	defer unix.Close(source)
	kind, err := typeOf(source)
	if err != nil {
		return err
	}
	place := r.openFile
	if kind == unix.S_IFDIR {
		place = r.openFolder
	}
	target, err := place(v.Target, withLinks)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	// Not over the kernel's own files: what checks or masks them would look at the volume.
	var fs unix.Statfs_t
	if err := unix.Fstatfs(target, &fs); err != nil {
		return fmt.Errorf("fstatfs(%q): %w", v.Target, err)
	}
	for name, number := range magic {
		if int64(fs.Type) == number {
			return fmt.Errorf("%s is in a %s: nothing can be mounted there", v.Target, name)
		}
	}
	attr := uint64(unix.MOUNT_ATTR_NODEV)
	if v.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	return bind(source, target, attr)
}
