// mutant: task=idmapped diagnosis=rootfs-touched
// The files of the rootfs are given to the container's users.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// The files of a container, whose owners are somebody else inside than outside. The rootfs
// below is the host's and stays as it is; the upper folder, which takes the writes, belongs
// to the container's root.

// How a child under a map gets to its rootfs: by lowerFD, which is a tree for layDown, or a
// folder.
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
	uid, _ := toHost(spec.UIDMap, 0)
	gid, _ := toHost(spec.GIDMap, 0)
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
	u, _ := toContainer(everything(uids), uid)
	g, _ := toContainer(everything(gids), gid)
	return asAll("give", path, fmt.Sprint(u), fmt.Sprint(g))
}

// translated is the rootfs with its owners translated by the maps: a mount that lies nowhere
// yet. The child lays it down (rootfs.go). Nothing on the disk is touched.
func translated(spec Spec) (*os.File, error) {
	// homework: idmapped
	// TODO: userNamespace, for what translates. Then open_tree(2) with OPEN_TREE_CLONE, and
	// mount_setattr(2) with MOUNT_ATTR_IDMAP on that: proof idmapped has them. EINVAL: this
	// file system cannot be translated.
	err := filepath.WalkDir(spec.Rootfs, func(path string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err := errors.Join(err, unix.Lstat(path, &st)); err != nil {
			return err
		}
		uid, _ := toHost(spec.UIDMap, st.Uid)
		gid, _ := toHost(spec.GIDMap, st.Gid)
		return os.Lchown(path, int(uid), int(gid))
	})
	if err != nil {
		return nil, err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, spec.Rootfs, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open_tree(%q, OPEN_TREE_CLONE): %w", spec.Rootfs, err)
	}
	return os.NewFile(uintptr(tree), spec.Rootfs), nil
	// end
}

// userNamespace is a user namespace with a container's maps, of a child that has ended: who
// holds the descriptor holds the namespace.
func userNamespace(spec Spec) (*os.File, error) {
	child := reexec.Command("wait")
	in, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: mappings(spec.UIDMap),
		GidMappings: mappings(spec.GIDMap),
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("clone(CLONE_NEWUSER): %w", err)
	}
	userns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", child.Process.Pid))
	in.Close() // the word to end
	return userns, errors.Join(err, child.Wait())
}

// layDown runs in the child, before pivot_root(2): move_mount(2) of what translated has made.
func layDown(tree int, target string) error {
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount(the rootfs, %q): %w", target, err)
	}
	return nil
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
	reexec.Register("wait", func() { os.Stdin.Read(make([]byte, 1)) })
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
