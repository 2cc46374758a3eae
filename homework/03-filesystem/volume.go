package main

import (
	"fmt"
	"path"
	"strings"
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
	// homework: volume
	// TODO: Open the source (O_PATH). Is it a folder or a file (Fstat)? Open its place in
	// the root, made as the same. bind has the rest.
	return todo("volume: in")
}
