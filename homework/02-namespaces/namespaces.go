package main

import (
	"os/exec"
)

// isolate runs in the parent, before clone(2): it says which namespaces the child is born
// into (clone(2), namespaces(7)). unshare(2) would do for none of this: it moves one thread
// of ours, and for CLONE_NEWPID not even that one, only its children.
func isolate(cmd *exec.Cmd) error {
	// homework: namespaces
	// TODO: Add to cmd.SysProcAttr.Cloneflags: PID, UTS, IPC and mount namespace.
	return todo("namespaces: isolate")
}

// setHostname runs in the child: the namespace's hostname, and nobody else's, is set.
func setHostname(name string) error {
	// homework: hostname
	// TODO: One system call (sethostname(2)). Until you are there, return nil.
	return todo("hostname: setHostname")
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
	// homework: namespaces
	// TODO: First make every mount private, or the host sees what you mount and unmount
	// here (MS_REC|MS_PRIVATE on "/"). Then, for each of views: unmount what lies there
	// (MNT_DETACH, until there is nothing left), and mount a new one.
	return todo("namespaces: ownViews")
}
