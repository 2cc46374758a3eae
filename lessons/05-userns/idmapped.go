package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// idmapped: a mount that translates owners, so that what is 0 on the disk is 0 inside.
var idmapped = proof.Proof{
	ID: "idmapped",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		disk, view := dir+"/disk", dir+"/view"
		for _, d := range []string{disk, view} {
			if err := os.Mkdir(d, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(disk+"/old", []byte("old"), 0o644); err != nil {
			return err
		}
		// The mount is made in a mount namespace that ends with its actor.
		host, err := newActor(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS})
		if err != nil {
			return err
		}
		defer host.end()
		if got := host.ask("private"); got != "ok" {
			return fmt.Errorf("mount(MS_PRIVATE): %s", got)
		}
		pid, err := host.clone("user", "0 100000 65536")
		if err != nil {
			return err
		}
		userns := fmt.Sprintf("/proc/%d/ns/user", pid)

		r.Saw("plain", "inside: stat -c '%u %g' disk/old", host.child("owner", disk+"/old"))
		r.Saw("plain-write", "inside: write into disk/old", host.child("write", disk+"/old", "new"))
		r.Saw("refused", "inside, root: open_tree, mount_setattr(MOUNT_ATTR_IDMAP)", host.child("idmap", disk, view, userns))
		r.Saw("idmap", "the host's root: open_tree, mount_setattr(MOUNT_ATTR_IDMAP), move_mount to view", host.ask("idmap", disk, view, userns))

		r.Saw("view-host", "the host: stat view/old", host.ask("owner", view+"/old"))
		r.Saw("view-inside", "inside: stat view/old", host.child("owner", view+"/old"))
		r.Saw("write", "inside: write into view/old", host.child("write", view+"/old", "new"))
		r.Saw("create", "inside: touch view/new", host.child("create", view+"/new"))
		r.Saw("chown", "inside: chown 33 view/new", host.child("chown", view+"/new", "33"))
		r.Saw("disk-old", "the host: stat disk/old", owner(disk+"/old"))
		r.Saw("disk-text", "the host: cat disk/old", said(read(disk+"/old")))
		r.Saw("disk-new", "the host: stat disk/new", owner(disk+"/new"))
		// The host's root is nobody in that map, and a new file must belong to somebody.
		r.Saw("stranger", "the host's root: touch view/mine", host.ask("create", view+"/mine"))
		r.Saw("again", "the host's root: the same once more, on top of view", host.ask("idmap", view, view, userns))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("plain", "65534 65534")
		s.Equal("plain-write", "EACCES")
		s.Equal("refused", "EPERM")
		s.Equal("idmap", "ok")
		s.Equal("view-host", "100000 100000")
		s.Equal("view-inside", "0 0")
		s.Equal("write", "ok")
		s.Equal("create", "ok")
		s.Equal("chown", "ok")
		s.Equal("disk-old", "0 0")
		s.Equal("disk-text", "new")
		s.Equal("disk-new", "33 33")
		s.Equal("stranger", "EOVERFLOW")
		s.Equal("again", "EPERM")
	},
}

// idmappedBind binds source to target with the owners translated by a user namespace.
func idmappedBind(source, target, userns string) error {
	ns, err := os.Open(userns)
	if err != nil {
		return err
	}
	defer ns.Close()
	// A copy of the mount that lies nowhere yet: one that somebody may already use cannot be
	// given other owners (mount_setattr(2)).
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open_tree(%q, OPEN_TREE_CLONE): %w", source, err)
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("mount_setattr(%q, MOUNT_ATTR_IDMAP): %w", source, err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount(%q): %w", target, err)
	}
	return nil
}
