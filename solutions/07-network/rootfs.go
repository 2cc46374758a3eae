package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/idmap"
	"mydocker.example/shared/join"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
)

// What lesson 03 wrote by hand is shared/rootfs now. Here is what it is asked for, and what
// lies in a container's folder:
//
//	upper, work   what takes the writes, and what the kernel needs for it
//	merged        where the overlay is mounted, in the container's mount namespace only
//	lower         where the rootfs is, when its owners are translated by a map

// checkRootfs runs on the host's side, before anything is recorded. It returns the path for
// the child, which is not to depend on where we stand; without one, that of the default.
func checkRootfs(path, root string) (string, error) {
	if path == "" {
		path = filepath.Join(root, "rootfs")
		return path, rootfs.Default(path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("rootfs %q: there is no such folder", path)
	}
	if err != nil {
		return "", fmt.Errorf("rootfs: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("rootfs %q is not a folder", path)
	}
	return path, nil
}

// layers are the folders of one container, and who is to own them.
type layers struct {
	Dir, Rootfs string
	UID, GID    int
	Etc         map[string][]byte // files in /etc that the container has of its own
}

// make makes them, on the host's side, before clone(2). Those that the container's root is
// to own, where that is neither us nor ours to give, are made in a user namespace with all
// that we own.
func (l layers) make() error {
	// The container's root passes through this folder, and reads nothing in it.
	if err := os.Chmod(l.Dir, 0o711); err != nil {
		return err
	}
	if !rootless() || l.UID == os.Geteuid() && l.GID == os.Getegid() {
		return l.mkdirs()
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return asAll("make-layers", string(text))
}

func (l layers) mkdirs() error {
	info, err := os.Stat(l.Rootfs)
	if err != nil {
		return err
	}
	for _, name := range []string{"upper", "work", "merged", "lower"} {
		path := filepath.Join(l.Dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := os.Lchown(path, l.UID, l.GID); err != nil {
			return err
		}
	}
	// The mode of the upper one is what the container will see as the mode of /.
	if err := os.Chmod(filepath.Join(l.Dir, "upper"), info.Mode()); err != nil {
		return err
	}
	return l.writeEtc(l.Etc)
}

func init() {
	reexec.Register("make-layers", func() { stage(makeLayers) })
	reexec.Register("remove-layers", func() { stage(removeLayers) })
}

// stage runs what asAll has asked for, in the child.
func stage(do func() error) {
	if err := do(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// makeLayers runs in the child. The ids are those of the host, and here others.
func makeLayers() error {
	var l layers
	if err := json.Unmarshal([]byte(os.Args[1]), &l); err != nil {
		return err
	}
	here, err := idmap.Of(idmap.Proc, os.Getpid())
	if err != nil {
		return err
	}
	uid, ok1 := here.UID.ToContainer(uint32(l.UID))
	gid, ok2 := here.GID.ToContainer(uint32(l.GID))
	if !ok1 || !ok2 {
		return fmt.Errorf("%d:%d is not ours to give: %w", l.UID, l.GID, unix.EPERM)
	}
	l.UID, l.GID = int(uid), int(gid)
	return l.mkdirs()
}

// removeLayers runs in the child: what users of the container have made is root's to remove,
// of a namespace that has them all.
func removeLayers() error {
	var errs []error
	for _, name := range []string{"upper", "work", "merged", "lower"} {
		errs = append(errs, os.RemoveAll(filepath.Join(os.Args[1], name)))
	}
	return errors.Join(errs...)
}

// writeEtc puts files into the /etc of the upper folder, before the overlay is mounted. To the
// container they are files of its root; a volume that lies over them hides them. Nothing of
// the rootfs is followed: one whose /etc is no folder keeps what it has.
func (l layers) writeEtc(files map[string][]byte) error {
	etc, mode := filepath.Join(l.Dir, "upper", "etc"), fs.FileMode(0o755)
	if info, err := os.Lstat(filepath.Join(l.Rootfs, "etc")); err == nil {
		if !info.IsDir() {
			return nil
		}
		mode = info.Mode()
	}
	if err := os.MkdirAll(etc, 0o700); err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(etc, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		if err := errors.Join(os.Lchown(path, l.UID, l.GID), os.Chmod(path, 0o644)); err != nil {
			return err
		}
	}
	return errors.Join(os.Lchown(etc, l.UID, l.GID), os.Chmod(etc, mode))
}

// enterRoot gives the container a file tree of its own, and returns its /. It is part of what
// process 1 does: before the command is started, and in the container's folder. lower is a
// descriptor of the rootfs with other owners; 0: none.
func enterRoot(p *join.Program, spec Spec, lower int) (root join.Result, err error) {
	config := rootfs.Defaults()
	config.Root, config.ReadOnly = spec.Root.Path, spec.Root.Readonly
	config.Overlay = &rootfs.Overlay{Upper: "upper", Work: "work", Merged: "merged"}
	for _, m := range spec.Mounts {
		config.Volumes = append(config.Volumes, m.volume())
	}
	if spec.Linux.UIDMappings != nil {
		config.Overlay.UserXattr = true
	}
	if lower > 0 {
		p.Call("move_mount(the rootfs)", unix.SYS_MOVE_MOUNT, lower, "", atCWD, "lower", unix.MOVE_MOUNT_F_EMPTY_PATH)
		config.Root = "lower"
	}
	if spec.Linux.CgroupsPath != "" {
		// Mounted in a cgroup namespace, the tree begins at the namespace's root: our group.
		// Nothing above it is there.
		const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY
		config.Mounts = append(config.Mounts, rootfs.Mount{Source: "cgroup2", Target: "/sys/fs/cgroup", Type: "cgroup2", Flags: flags})
	}
	if spec.Privileged {
		return enterPrivileged(p, config)
	}
	return config.Program(p)
}

// enterPrivileged is enterRoot with all doors open: nothing is masked, the kernel's file
// systems are writable, and /dev has the machine's devices.
func enterPrivileged(p *join.Program, config rootfs.Config) (root join.Result, err error) {
	config.ReadOnlyPaths, config.MaskedPaths, config.NoDev = nil, nil, false
	for i := range config.Mounts {
		config.Mounts[i].Flags &^= unix.MS_RDONLY
	}
	nodes, err := hostDevices("/dev")
	if err != nil {
		return root, err
	}
	if root, err = config.Program(p); err != nil {
		return root, err
	}
	for _, n := range nodes {
		path := filepath.Join("/dev", n.name)
		if n.mode&unix.S_IFMT == unix.S_IFDIR {
			p.Call(join.Textf("mkdir(%q)", path), unix.SYS_MKDIRAT, atCWD, path, 0o755).Ignore(unix.EEXIST)
			continue
		}
		// In a user namespace nobody makes nodes, privileged or not.
		p.Call(join.Textf("mknod(%q)", path), unix.SYS_MKNODAT, atCWD, path, n.mode, n.dev).Ignore(unix.EEXIST, unix.EPERM)
	}
	return root, nil
}

type node struct {
	name string // below /dev
	mode uint32
	dev  int
}

// hostDevices are the device nodes of the machine and the folders that they are in, without
// those of file systems of their own.
func hostDevices(dev string) (nodes []node, err error) {
	own := []string{"pts", "shm", "mqueue", "hugepages", "console", "ptmx"}
	err = filepath.WalkDir(dev, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dev, path)
		switch {
		case err != nil:
			return nil // it went while we looked
		case slices.Contains(own, name) && d.IsDir():
			return fs.SkipDir
		case name == ".", slices.Contains(own, name), d.Type()&fs.ModeDevice == 0 && !d.IsDir():
			return nil
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			nodes = append(nodes, node{name, st.Mode, int(st.Rdev)})
		}
		return nil
	})
	return nodes, err
}
