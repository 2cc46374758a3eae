package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// pivot_root(2) refuses with EINVAL or EBUSY and does not say why. Here is each reason,
// brought about in a machine of its own, and each remedy.

// A refusal is one row of the table. The functions run in an actor, a machine in miniature.
type refusal struct {
	id     string
	cause  string       // for people
	spoil  func() error // brings the cause about
	root   string       // new_root
	old    string       // put_old
	errno  string
	remedy string
	mend   func() error
	// Where the remedy is to name something else: "" keeps what was named.
	mendedRoot, mendedOld string
}

var refusals = []refusal{
	{
		id:    "new-parent-shared",
		cause: "the mount that new_root hangs on is shared",
		spoil: func() error { return doMount("", "/", "", unix.MS_SHARED, "") },
		root:  "/rootfs", old: "/rootfs/old", errno: "EINVAL",
		remedy: `mount("/", MS_REC|MS_PRIVATE)`,
		mend:   func() error { return doMount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
	},
	{
		id:    "root-parent-shared",
		cause: "the mount that the current root hangs on is shared",
		spoil: rootBelowShared,
		root:  "/rootfs", old: "/rootfs/old", errno: "EINVAL",
		remedy: `mount(that mount, MS_PRIVATE)`,
		mend:   func() error { return doMount("", ".", "", unix.MS_PRIVATE, "") },
	},
	{
		id:    "put-old-shared",
		cause: "the mount that put_old is on is shared",
		spoil: func() error { return doMount("", "/rootfs", "", unix.MS_SHARED, "") },
		root:  "/rootfs", old: "/rootfs/old", errno: "EINVAL",
		remedy: `mount("/rootfs", MS_PRIVATE)`,
		mend:   func() error { return doMount("", "/rootfs", "", unix.MS_PRIVATE, "") },
	},
	{
		id:    "no-mount-point",
		cause: "new_root is a folder and no mount point",
		spoil: func() error { return os.MkdirAll("/rootfs/folder/old", 0o755) },
		root:  "/rootfs/folder", old: "/rootfs/folder/old", errno: "EINVAL",
		remedy: `mount("/rootfs/folder", "/rootfs/folder", MS_BIND)`,
		mend:   func() error { return bindOntoItself("/rootfs/folder") },
	},
	{
		id:    "not-underneath",
		cause: "put_old is not underneath new_root",
		spoil: func() error { return mountTmpfs(nil, []string{"/elsewhere"}) },
		root:  "/rootfs", old: "/elsewhere", errno: "EINVAL",
		remedy: "name /rootfs/old instead", mendedOld: "/rootfs/old",
	},
	{
		id:    "root-no-mount-point",
		cause: "the current root is no mount point, after a chroot(2)",
		spoil: jail,
		root:  "/new", old: "/new/old", errno: "EINVAL",
		remedy: "bind the jail onto itself before chroot(2)",
		mend:   jailOnMountPoint,
	},
	{
		id:    "initramfs",
		cause: "the current root is the initramfs",
		spoil: rootOnInitramfs,
		root:  initramfsFolder, old: initramfsFolder, errno: "EINVAL",
		remedy: "move a mount over /, chroot(2) into it, then pivot",
		mend:   moveOverRoot, mendedRoot: "/rootfs", mendedOld: "/rootfs/old",
	},
	{
		id:    "new-on-root-mount",
		cause: "new_root is a folder on the current root mount",
		spoil: func() error { return os.MkdirAll("/folder/old", 0o755) },
		root:  "/folder", old: "/folder/old", errno: "EBUSY",
		remedy: `mount("/folder", "/folder", MS_BIND)`,
		mend:   func() error { return bindOntoItself("/folder") },
	},
	{
		id:    "old-on-root-mount",
		cause: "put_old is on the current root mount",
		spoil: func() error { return nil },
		root:  "/rootfs", old: "/home", errno: "EBUSY",
		remedy: "name /rootfs/old instead", mendedOld: "/rootfs/old",
	},
}

func bindOntoItself(path string) error { return doMount(path, path, "", unix.MS_BIND, "") }

// rootBelowShared leaves us with a root that hangs on a shared mount, and with a working
// directory on that mount, out of reach of any path that begins at the root.
func rootBelowShared() error {
	return inOrder(
		func() error { return mountTmpfs(nil, []string{"/shared"}) },
		func() error { return mountTmpfs(nil, []string{"/shared/root"}) },
		func() error { return mountTmpfs(nil, []string{"/shared/root/rootfs"}) },
		func() error { return os.Mkdir("/shared/root/rootfs/old", 0o755) },
		func() error { return doMount("", "/shared", "", unix.MS_SHARED, "") },
		func() error { return unix.Chdir("/shared") },
		func() error { return chroot("/shared/root") },
	)
}

// jail is a chroot(2) into a folder; the working directory stays outside.
func jail() error {
	return inOrder(
		func() error { return mountTmpfs(nil, []string{"/jail/new"}) },
		func() error { return os.Mkdir("/jail/new/old", 0o755) },
		func() error { return unix.Chdir("/") },
		func() error { return chroot("/jail") },
	)
}

// jailOnMountPoint gets out by the working directory that jail has left outside, and does
// it again, properly.
func jailOnMountPoint() error {
	return inOrder(
		func() error { return chroot(".") },
		// MS_REC: the mount on /jail/new is to be there in the second showing too.
		func() error { return doMount("/jail", "/jail", "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return chroot("/jail") },
		func() error { return unix.Chdir("/") },
	)
}

// initramfsFolder is there in every initramfs: the kernel itself makes /dev and /root in it.
const initramfsFolder = "/dev"

// rootOnInitramfs digs up what lies under everything: the first mount, the one that the
// kernel began with and that the boot covered with the real root. We take the cover off in
// our namespace alone, and enter our own namespace anew: setns(2) puts our root at the root
// of the namespace.
func rootOnInitramfs() error {
	ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	return inOrder(
		func() error { return doUmount("/", unix.MNT_DETACH) },
		func() error { return unix.Unshare(unix.CLONE_FS) }, // setns(2): EINVAL otherwise
		func() error { return unix.Setns(ns, unix.CLONE_NEWNS) },
		func() error { return doMount("rootfs", initramfsFolder, "tmpfs", 0, "") },
	)
}

// moveOverRoot is what switch_root(8) does: it does not take the initramfs away, it moves
// a mount over it. This mount has a parent, and from it one can pivot.
func moveOverRoot() error {
	return inOrder(
		func() error { return unix.Chdir(initramfsFolder) },
		func() error { return doMount(".", "/", "", unix.MS_MOVE, "") },
		func() error { return chroot(".") },
		func() error { return unix.Chdir("/") },
		func() error { return mountTmpfs(nil, []string{"/rootfs"}) },
		func() error { return os.Mkdir("/rootfs/old", 0o755) },
	)
}

// inOrder runs the steps until one fails.
func inOrder(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// actRefusal runs in an actor that is a machine in miniature.
func actRefusal(say say, args []string) error {
	row, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	c := refusals[row]
	// Before the spoiling: one of the causes leaves us without a /proc.
	proc, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(proc)
	if err := c.spoil(); err != nil {
		return fmt.Errorf("%s: %w", c.id, err)
	}
	table, err := tableBelow(proc)
	if err != nil {
		return err
	}
	kind := "(none)"
	if m, ok := mountAt(table, "/"); ok {
		kind = m.Type
	}
	if kind != "tmpfs" { // which it is in an unspoilt machine
		say(c.id+"-type", "the type of the mount at /", kind)
	}
	err = unix.PivotRoot(c.root, c.old)
	say(c.id, fmt.Sprintf("%s: pivot_root(%q, %q)", c.cause, c.root, c.old), answer(err))
	if c.mend != nil {
		if err := c.mend(); err != nil {
			return fmt.Errorf("%s, mending: %w", c.id, err)
		}
	}
	root, old := c.root, c.old
	if c.mendedRoot != "" {
		root = c.mendedRoot
	}
	if c.mendedOld != "" {
		old = c.mendedOld
	}
	err = unix.PivotRoot(root, old)
	say(c.id+"-mended", fmt.Sprintf("%s: pivot_root(%q, %q)", c.remedy, root, old), answer(err))
	return nil
}

// tableBelow reads our own table by a descriptor of /proc.
func tableBelow(proc int) ([]mount, error) {
	fd, err := unix.Openat(proc, fmt.Sprintf("%d/mountinfo", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "mountinfo")
	defer f.Close()
	return parseMountinfo(f)
}

// pivotRefuses goes through the table.
var pivotRefuses = proof.Proof{
	ID: "pivot-refuses",
	Guest: func(r *proof.Report) error {
		for i := range refusals {
			if err := refuse(r, i); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, c := range refusals {
			s.Equal(c.id, c.errno)
			s.Equal(c.id+"-mended", "ok")
		}
		s.Equal("root-no-mount-point-type", "(none)")
		s.Equal("initramfs-type", "rootfs") // the one that the kernel began with
	},
}

func refuse(r *proof.Report, row int) error {
	machine, err := startMachine(r)
	if err != nil {
		return err
	}
	defer machine.end()
	return machine.do(r, "refusal", strconv.Itoa(row))
}
