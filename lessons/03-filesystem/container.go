package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The wall that the attacks of this lesson run against: what mydocker does with a container
// before it executes the container's program.

// ownMounts is set in the parent: the child gets a mount namespace, a copy of ours.
func ownMounts(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	return nil
}

// ownMountsAndPIDs is set in the parent: process numbers of its own too, from 1.
func ownMountsAndPIDs(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	return nil
}

// enter runs in the child: after clone(2) with CLONE_NEWNS, before the attack. In the end
// the root of the tree is the folder root, with a /proc, and the old root is gone.
func enter(root string) error {
	// Before any mount: the copy is still joined to the original. Private, or what we mount
	// here would show there too, and pivot_root(2) would refuse.
	if err := doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	// Before pivot_root(2): it takes only a mount point, and a folder bound onto itself is one.
	if err := doMount(root, root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	// A procfs that is made here shows the processes of our PID namespace.
	if err := os.MkdirAll(root+"/proc", 0o755); err != nil {
		return err
	}
	if err := doMount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	return pivotAndDetach(root)
}

// prepareRoot makes an empty folder for a root.
func prepareRoot(r *proof.Report) (cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "host-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	preparedRoot = dir + "/rootfs"
	r.Pass("root", preparedRoot)
	return cleanup, os.Mkdir(preparedRoot, 0o755)
}

// prepareHost also makes what most of the attacks are about, beside it: a file of the host.
func prepareHost(r *proof.Report) (cleanup func(), err error) {
	cleanup, err = prepareRoot(r)
	if err != nil {
		return cleanup, err
	}
	diary := filepath.Dir(preparedRoot) + "/diary"
	r.Saw("diary", "the host: cat "+diary, "of the host")
	r.Pass("diary", diary)
	return cleanup, os.WriteFile(diary, []byte("of the host"), 0o600)
}

// preparedRoot is for what is set in the parent, in the same process as prepareHost.
var preparedRoot string

// sawOwnTable reports the attacker's own mount points.
func sawOwnTable(a *proof.Attacker) error {
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	if len(table) > 4 {
		a.Saw("the mount points", fmt.Sprintf("%d of them, the host's", len(table)))
		return nil
	}
	a.Saw("the mount points", points(table))
	return nil
}
