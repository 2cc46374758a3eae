package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The short way, pivot_root(".", "."), and what becomes of the old root.

// pivotDot looks between the two calls of pivotAndDetach.
var pivotDot = proof.Proof{
	ID: "pivot-dot",
	Guest: func(r *proof.Report) error {
		machine, err := startMachine(r)
		if err != nil {
			return err
		}
		defer machine.end()
		return machine.do(r, "dot")
	},
	Judge: func(s *proof.Seen) {
		s.Equal("piled", "rootfs machine") // the old root lies over the new one …
		s.Equal("slash", "old proc")       // … and / is still the new one, underneath
		s.Equal("umount", "ok")
		s.Equal("left", "rootfs")
		s.Equal("table", "/ /proc")
	},
}

// dot runs in an actor.
func dot(say say, _ []string) error {
	if err := unix.Chdir("/rootfs"); err != nil {
		return err
	}
	if err := pivotRoot(".", "."); err != nil {
		return err
	}
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	say("piled", `after pivot_root(".", "."): the mounts at /, the lower first`, sourcesAt(table, "/"))
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	say("slash", "ls /", strings.Join(names, " "))
	say("umount", `umount2(".", MNT_DETACH)`, answer(unix.Unmount(".", unix.MNT_DETACH)))
	if table, err = mountsOf(os.Getpid()); err != nil {
		return err
	}
	say("left", "the mounts at /", sourcesAt(table, "/"))
	say("table", "the mount points", points(table))
	return nil
}

// sourcesAt names the mounts that are piled on one point, the lowest first: each hangs on
// the one below it.
func sourcesAt(table []mount, point string) string {
	at := map[int]mount{} // by parent
	ids := map[int]bool{}
	for _, m := range table {
		if m.Point == point {
			at[m.Parent] = m
			ids[m.ID] = true
		}
	}
	var pile []string
	for parent, m := range at {
		if ids[parent] {
			continue // not the lowest
		}
		for ok := true; ok; m, ok = at[m.ID] {
			pile = append(pile, m.Source)
		}
	}
	return strings.Join(pile, " ")
}

// oldRootGone follows the old root to its end. Its file system is the tmpfs "machine": when
// nobody uses it any more, the kernel frees it, and says so to whoever watches a file of it
// (inotify(7), IN_UNMOUNT).
var oldRootGone = proof.Proof{
	ID: "old-root-gone",
	Guest: func(r *proof.Report) error {
		machine, err := startMachine(r)
		if err != nil {
			return err
		}
		defer machine.end()
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return fmt.Errorf("inotify_init1(2): %w", err)
		}
		watch := os.NewFile(uintptr(fd), "inotify")
		defer watch.Close()
		diary := fmt.Sprintf("/proc/%d/root/home/diary", machine.pid)
		if _, err := unix.InotifyAddWatch(fd, diary, unix.IN_ATTRIB); err != nil { // IN_UNMOUNT comes unasked
			return fmt.Errorf("inotify_add_watch(%q): %w", diary, err)
		}

		if err := machine.do(r, "leave-old-root"); err != nil {
			return err
		}
		r.Saw("events-held", "inotify on the old root's diary", events(fd))
		if err := machine.do(r, "drop-old-root"); err != nil {
			return err
		}
		r.Saw("events-dropped", "inotify on the old root's diary", events(fd))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("table-old", "/old /old/proc / /proc")
		s.Equal("busy", "EBUSY")
		s.Equal("detach", "ok")
		s.Equal("table", "/ /proc")
		s.Equal("by-name", "ENOENT")
		s.Equal("by-fd", "of the host")
		s.Equal("events-held", "(none)")
		s.Equal("close", "ok")
		s.Equal("events-dropped", "IN_UNMOUNT IN_IGNORED")
	},
}

// heldRoot is the actor's last hold on its old root.
var heldRoot int

// leaveOldRoot runs in an actor.
func leaveOldRoot(say say, _ []string) error {
	var err error
	if heldRoot, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	if err := intoByPivot("/rootfs"); err != nil {
		return err
	}
	table, err := mountsOf(os.Getpid())
	if err != nil {
		return err
	}
	say("table-old", "after pivot_root: the mount points", points(table))
	say("busy", `umount2("/old", 0)`, answer(unix.Unmount("/old", 0)))
	say("detach", `umount2("/old", MNT_DETACH)`, answer(unix.Unmount("/old", unix.MNT_DETACH)))
	if table, err = mountsOf(os.Getpid()); err != nil {
		return err
	}
	say("table", "the mount points", points(table))
	say("by-name", `open("/old/home/diary")`, answer(openFile("/old/home/diary")))

	fd, err := unix.Openat(heldRoot, "home/diary", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	text := make([]byte, 64)
	n, err := unix.Read(fd, text)
	if err != nil {
		return err
	}
	say("by-fd", fmt.Sprintf(`read(openat(%d, "home/diary")), by a descriptor of the old root`, heldRoot),
		strings.TrimSpace(string(text[:n])))
	return nil
}

// dropOldRoot runs in an actor.
func dropOldRoot(say say, _ []string) error {
	say("close", fmt.Sprintf("close(%d)", heldRoot), answer(unix.Close(heldRoot)))
	return nil
}

// events names what inotify has to tell by now, without waiting.
func events(fd int) string {
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		if err == unix.EAGAIN {
			return "(none)"
		}
		return answer(err)
	}
	var names []string
	for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&rest[0]))
		switch {
		case e.Mask&unix.IN_UNMOUNT != 0:
			names = append(names, "IN_UNMOUNT")
		case e.Mask&unix.IN_IGNORED != 0:
			names = append(names, "IN_IGNORED") // the watch is over
		default:
			names = append(names, fmt.Sprintf("%#x", e.Mask))
		}
		rest = rest[unix.SizeofInotifyEvent+int(e.Len):]
	}
	return strings.Join(names, " ")
}
