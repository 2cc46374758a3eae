// mutant: task=volume diagnosis=volume-writable
// MS_RDONLY together with MS_BIND, in one call.

package main

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A Volume is a folder or a file of the host, shown at a place in the container.
type Volume struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

func (v Volume) String() string { return v.Source + ":" + v.Target }

// parseVolume reads HOST:CONTAINER[:ro].
func parseVolume(text string) (Volume, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		parts = append(parts, "rw")
	}
	if len(parts) != 3 || parts[2] != "ro" && parts[2] != "rw" {
		return Volume{}, fmt.Errorf("volume %q is not HOST:CONTAINER[:ro]", text)
	}
	if !path.IsAbs(parts[0]) || !path.IsAbs(parts[1]) {
		return Volume{}, fmt.Errorf("volume %q: both paths begin with /", text)
	}
	v := Volume{Source: path.Clean(parts[0]), Target: path.Clean(parts[1]), ReadOnly: parts[2] == "ro"}
	if v.Target == "/" {
		return Volume{}, fmt.Errorf("volume %q: for / there is --rootfs", text)
	}
	return v, nil
}

// in hangs a volume up in the new root. It runs in the child, before pivot_root(2): after
// it the source has no name any more.
func (v Volume) in(root int) error {
	source, err := unix.Open(v.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", v.Source, err)
	}
	defer unix.Close(source)
	var st unix.Stat_t
	if err := unix.Fstat(source, &st); err != nil {
		return fmt.Errorf("fstat(%q): %w", v.Source, err)
	}
	mode := uint32(unix.S_IFREG | 0o644)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode = unix.S_IFDIR | 0o755
	}
	target, err := place(root, v.Target, mode)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	flags := uintptr(unix.MS_BIND | unix.MS_REC)
	if v.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount(v.Source, through(target), "", flags, "")
}
