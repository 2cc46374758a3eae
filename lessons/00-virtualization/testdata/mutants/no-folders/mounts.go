// mutant: task=mounts diagnosis=not-mounted also=tree,reap
// mount(2) is expected to make the folders.

package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A mount is one call of mount(2).
type mount struct {
	source, target, fstype string
	flags                  uintptr
}

// kernelFilesystems are not on any disk: the kernel makes up their files as they are read.
// The first root of a machine is empty, and these are what a program expects of any.
var kernelFilesystems = []mount{
	{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},  // processes
	{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC}, // devices, as the kernel sees them
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID | unix.MS_NOEXEC},           // devices, to be opened
}

// mountAll mounts a table, in its order. One failure does not keep the rest from being tried.
func mountAll(table []mount) error {
	var errs []error
	// homework: mounts
	// TODO: Mount each of the table on its target. The folders may not be there yet. Collect
	// the failures and go on with the next.
	for _, m := range table {
		if err := unix.Mount(m.source, m.target, m.fstype, m.flags, ""); err != nil {
			errs = append(errs, fmt.Errorf("mount(%q, %q, %q): %w", m.source, m.target, m.fstype, err))
		}
	}
	return errors.Join(errs...)
	// end
}
