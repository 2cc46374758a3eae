package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"mydocker.example/shared/idmap"
	"mydocker.example/shared/reexec"
)

// The files of a container, whose owners are somebody else inside than outside. The rootfs
// below is the host's and stays as it is; the upper folder, which takes the writes, belongs
// to the container's root.

// How a child under a map gets to its rootfs: by lowerFD, which is a tree for idmap.Attach,
// or a folder.
const (
	translatedTree = "translated"
	handedIn       = "handed in"
)

// layers makes the folders of a container's overlay. On the host's side, before clone(2).
func layers(spec Spec) error {
	info, err := os.Stat(spec.Rootfs)
	if err != nil {
		return err
	}
	for _, name := range []string{"upper", "work", "merged", "lower"} {
		if err := os.Mkdir(filepath.Join(spec.Dir, name), 0o700); err != nil {
			return err
		}
	}
	// The mode of the upper one is what the container will see as the mode of /.
	if err := os.Chmod(filepath.Join(spec.Dir, "upper"), info.Mode()); err != nil {
		return err
	}
	if spec.UIDMap == nil {
		return nil
	}
	// The container's root passes through this folder, and cannot list it.
	if err := os.Chmod(spec.Dir, 0o711); err != nil {
		return err
	}
	uid, _ := spec.UIDMap.ToHost(0)
	gid, _ := spec.GIDMap.ToHost(0)
	for _, name := range []string{"upper", "work", "merged", "lower"} {
		if err := give(filepath.Join(spec.Dir, name), uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// give is chown(2). An ordinary user may give a file to nobody, not even to one of its own
// subordinate ids: root of a user namespace that has both may.
func give(path string, uid, gid uint32) error {
	if os.Geteuid() == 0 {
		return os.Lchown(path, int(uid), int(gid))
	}
	if uid == uint32(os.Geteuid()) && gid == uint32(os.Getegid()) {
		return nil
	}
	uids, gids, err := ours()
	if err != nil {
		return err
	}
	u, _ := everything(uids).ToContainer(uid)
	g, _ := everything(gids).ToContainer(gid)
	return asAll("give", path, fmt.Sprint(u), fmt.Sprint(g))
}

// translated is the rootfs with its owners translated by the maps: a mount that lies nowhere
// yet. The child lays it down (rootfs.go). Nothing on the disk is touched.
func translated(spec Spec) (*os.File, error) {
	userns, err := idmap.UserNS(idmap.IDs{UID: spec.UIDMap, GID: spec.GIDMap})
	if err != nil {
		return nil, err
	}
	defer userns.Close()
	return idmap.Tree(spec.Rootfs, userns)
}

// removeFiles removes what a container has written. What its other users have made is not an
// ordinary user's to remove.
func removeFiles(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "upper")); os.Geteuid() == 0 || err != nil {
		return nil // the store's Remove does the rest
	}
	return asAll("remove", filepath.Join(dir, "upper"), filepath.Join(dir, "work"))
}

// asAll runs a stage of this program as root of a user namespace that has all the ids of an
// ordinary user; the user itself is 0 there.
func asAll(stage string, args ...string) error {
	uids, gids, err := ours()
	if err != nil {
		return err
	}
	child := reexec.Command(stage, args...)
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	child.Stderr = &said
	late, err := laterFor(child, "/")
	if err != nil {
		return err
	}
	defer late.close()
	if err := child.Start(); err != nil {
		return fmt.Errorf("clone(CLONE_NEWUSER): %w", err)
	}
	if err := late.open(child.Process.Pid, everything(uids), everything(gids)); err != nil {
		child.Process.Kill()
		child.Wait()
		return err
	}
	if err := child.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", stage, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

func init() {
	reexec.Register("give", stage(func(args []string) error {
		uid, err1 := strconv.Atoi(args[1])
		gid, err2 := strconv.Atoi(args[2])
		return errors.Join(err1, err2, os.Lchown(args[0], uid, gid))
	}))
	reexec.Register("remove", stage(func(args []string) (err error) {
		for _, path := range args {
			err = errors.Join(err, os.RemoveAll(path))
		}
		return err
	}))
}

// stage is what runs in a child of asAll.
func stage(do func(args []string) error) func() {
	return func() {
		if err := do(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
	}
}
