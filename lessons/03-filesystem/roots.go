package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// chroot(2) and pivot_root(2): what each does to the visible mount table, for the process
// that calls it and for its parent.

// intoByChroot runs in an actor: after clone(2), before any execve(2).
func intoByChroot(root string) error {
	if err := chroot(root); err != nil {
		return err
	}
	// chroot(2) leaves the working directory where it was, outside.
	return unix.Chdir("/")
}

// intoByPivot runs in an actor: after clone(2), before any execve(2). root must be a mount
// point; the old root is put into its folder old, and stays there.
func intoByPivot(root string) error {
	if err := pivotRoot(root, root+"/old"); err != nil {
		return err
	}
	// pivot_root(2) moves only those working directories that were at the old root itself.
	return unix.Chdir("/")
}

// pivotAndDetach runs in an actor, and takes the old root off the tree. There is no need of
// a folder to put it in: it is laid over the new root for a moment.
func pivotAndDetach(root string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("chdir(%q): %w", root, err)
	}
	if err := pivotRoot(".", "."); err != nil {
		return err
	}
	// "." is the new root; umount2(2) goes up the pile of mounts at that place and takes the
	// topmost, the old root.
	if err := doUmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// chrootTable: a child without a mount namespace of its own calls chroot(2).
var chrootTable = proof.Proof{
	ID: "chroot-table",
	Guest: func(r *proof.Report) error {
		return changeRoot(r, 0, "chroot")
	},
	Judge: func(s *proof.Seen) {
		s.Same("ns-parent", "ns-child")
		s.Equal("table-before-parent", "/ /proc /rootfs /rootfs/proc")
		s.Same("table-before-child", "table-before-parent")
		s.Equal("table-after-child", "/ /proc") // the table is filtered, and counted from the new root
		s.Equal("root-after-child", "old proc")
		s.Same("table-after-parent", "table-before-parent")
		s.Same("root-after-parent", "root-before-parent")
	},
}

// pivotTable: a child without a mount namespace of its own calls pivot_root(2).
var pivotTable = proof.Proof{
	ID: "pivot-table",
	Guest: func(r *proof.Report) error {
		return changeRoot(r, 0, "pivot")
	},
	Judge: func(s *proof.Seen) {
		s.Same("ns-parent", "ns-child")
		s.Equal("table-before-parent", "/ /proc /rootfs /rootfs/proc")
		s.Same("table-before-child", "table-before-parent")
		s.Equal("table-after-child", "/old /old/proc / /proc") // the lines keep their order
		s.Same("table-after-parent", "table-after-child")      // the parent, which did nothing
		s.Equal("root-before-parent", "home proc rootfs")
		s.Equal("root-after-parent", "old proc")
	},
}

// changeRoot plays both: a host, its child, and the act that the child is told to do.
func changeRoot(r *proof.Report, flags uintptr, act string) error {
	parent, err := startMachine(r)
	if err != nil {
		return err
	}
	defer parent.end()
	child, err := parent.clone(flags)
	if err != nil {
		return err
	}
	defer child.end()
	if err := sawNamespace(r, "ns-parent", "the parent", parent.pid); err != nil {
		return err
	}
	if err := sawNamespace(r, "ns-child", "the child", child.pid); err != nil {
		return err
	}
	if err := sawBoth(r, "before", parent, child); err != nil {
		return err
	}
	call := map[string]string{
		"chroot":           `chroot("/rootfs")`,
		"pivot":            `pivot_root("/rootfs", "/rootfs/old")`,
		"pivot-and-detach": `pivot_root(".", "."), umount2(".", MNT_DETACH)`,
	}[act]
	if err := child.do(r, act, "/rootfs"); err != nil {
		return err
	}
	r.Saw("call", "the child: "+call, "ok")
	if err := sawBoth(r, "after", parent, child); err != nil {
		return err
	}
	if flags&unix.CLONE_NEWNS != 0 {
		return sawWholeNamespace(r, child)
	}
	return nil
}

func sawBoth(r *proof.Report, when string, parent, child *actor) error {
	if err := sawRoot(r, when, "parent", parent.pid); err != nil {
		return err
	}
	return sawRoot(r, when, "child", child.pid)
}

// chrootNamespace and pivotNamespace: the same again, and the child has a mount namespace
// of its own. A visitor enters it afterwards and sees what is really there.
var chrootNamespace = proof.Proof{
	ID: "chroot-namespace",
	Guest: func(r *proof.Report) error {
		return changeRoot(r, unix.CLONE_NEWNS, "chroot")
	},
	Judge: func(s *proof.Seen) {
		s.Differ("ns-parent", "ns-child")
		s.Equal("table-after-child", "/ /proc")
		s.Same("table-after-parent", "table-before-parent")
		s.Equal("table-visitor", "/ /proc /rootfs /rootfs/proc") // hidden, not gone
		s.Equal("diary-visitor", "ok")
	},
}

var pivotNamespace = proof.Proof{
	ID: "pivot-namespace",
	Guest: func(r *proof.Report) error {
		return changeRoot(r, unix.CLONE_NEWNS, "pivot-and-detach")
	},
	Judge: func(s *proof.Seen) {
		s.Differ("ns-parent", "ns-child")
		s.Equal("table-after-child", "/ /proc")
		s.Same("table-after-parent", "table-before-parent")
		s.Same("root-after-parent", "root-before-parent")
		s.Equal("table-visitor", "/ /proc") // there is no more
		s.Equal("diary-visitor", "ENOENT")
	},
}

// sawWholeNamespace has a third process enter the child's mount namespace by setns(2),
// which begins at the root of the namespace, not at the root of the child.
func sawWholeNamespace(r *proof.Report, child *actor) error {
	visitor, err := startActor(0)
	if err != nil {
		return err
	}
	defer visitor.end()
	return visitor.do(r, "visit", fmt.Sprintf("/proc/%d/ns/mnt", child.pid))
}

// visit runs in an actor.
func visit(say say, args []string) error {
	done := make(chan error)
	go func() {
		// Never unlocked: this thread stays in the other namespace, and ends with the goroutine.
		runtime.LockOSThread()
		done <- func() error {
			fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("open(%q): %w", args[0], err)
			}
			defer unix.Close(fd)
			// Before setns(2): it sets root and working directory, so it refuses a thread that
			// shares them with others (setns(2), EINVAL).
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("unshare(CLONE_FS): %w", err)
			}
			if err := unix.Setns(fd, unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("setns(%q, CLONE_NEWNS): %w", args[0], err)
			}
			table, err := mountsOf(unix.Gettid())
			if err != nil {
				return err
			}
			say("table-visitor", "a visitor, after setns(2): the mount points", points(table))
			say("diary-visitor", "a visitor: open(\"/home/diary\")", answer(openFile("/home/diary")))
			return nil
		}()
	}()
	return <-done
}

// openFile says whether a path can be opened for reading.
func openFile(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
