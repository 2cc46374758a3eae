// mutant: task=namespaces diagnosis=ns-ipc also=stranger
// The container shares the IPC namespace of the host.

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// isolate runs in the parent, before clone(2): it says which namespaces the child is born
// into (clone(2), namespaces(7)). unshare(2) would do for none of this: it moves one thread
// of ours, and for CLONE_NEWPID not even that one, only its children.
func isolate(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID | // other processes cannot even be named
		unix.CLONE_NEWUTS | // a hostname of its own
		unix.CLONE_NEWNS // a mount table of its own, for its own /proc (lesson 03 has the rest)
	return nil
}

// setHostname runs in the child: the namespace's hostname, and nobody else's, is set.
func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("sethostname(%q): %w", name, err)
	}
	return nil
}

// A view is a file system that shows a namespace: that of the process that mounts it, for
// as long as it is mounted. A new namespace does not change the views that are there.
type view struct{ fstype, path string }

var views = []view{
	{"proc", "/proc"},         // the PID namespace
	{"mqueue", "/dev/mqueue"}, // the IPC namespace
}

// ownViews runs in the child: it puts views of its own namespaces in the place of the host's.
func ownViews() error {

	// Before any other mount(2): our table is a copy of the host's, and where the host's
	// mounts are shared it would receive whatever we do (mount_namespaces(7)).
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf(`mount("/", MS_REC|MS_PRIVATE): %w`, err)
	}
	for _, v := range views {
		if _, err := os.Stat(v.path); errors.Is(err, unix.ENOENT) && v.fstype != "proc" {
			continue // the host does not have it either
		}
		// Not merely covered: root in the container could take the cover off.
		for unix.Unmount(v.path, unix.MNT_DETACH) == nil {
		}
		if err := unix.Mount(v.fstype, v.path, v.fstype, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("mount(%q, %q): %w", v.fstype, v.path, err)
		}
	}
	return nil
}
