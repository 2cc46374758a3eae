package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the kernel knows of the mounts of a process, as /proc tells it. Every other file of
// this lesson asks its questions through these few functions.

// mount is one line of /proc/PID/mountinfo.
type mount struct {
	ID, Parent  int    // of the mount, and of the mount that it hangs on
	Root        string // which folder of the file system is shown: not / after a bind mount
	Point       string // where, as seen from the process's root
	Options     string // of this mount: ro, nosuid, …
	Propagation string // "shared:1", "master:1", "unbindable"; "" is private
	Type        string // of the file system
	Source      string // a device, or whatever was written in its place
}

// parseMountinfo reads the table in the kernel's order, later mounts later:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// Between the options and the lone hyphen stand the optional fields, which are about
// propagation (proc_pid_mountinfo(5)).
func parseMountinfo(r io.Reader) ([]mount, error) {
	var table []mount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		head, tail, ok := strings.Cut(lines.Text(), " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !ok || len(h) < 6 || len(t) < 2 {
			return nil, fmt.Errorf("not a mountinfo line: %q", lines.Text())
		}
		id, err1 := strconv.Atoi(h[0])
		parent, err2 := strconv.Atoi(h[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("not a mountinfo line: %q: %w", lines.Text(), err)
		}
		table = append(table, mount{
			ID: id, Parent: parent, Root: unescape(h[3]), Point: unescape(h[4]), Options: h[5],
			Propagation: strings.Join(h[6:], " "), Type: t[0], Source: unescape(t[1]),
		})
	}
	return table, lines.Err()
}

// unescape undoes the kernel's octal: a space in a path is \040, or it would look like two
// fields.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// mountsOf reads the table of a process, as that process sees it: the points are counted
// from its root, and what lies outside of its root is left out.
func mountsOf(pid int) ([]mount, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseMountinfo(f)
}

// points shows a table as the list of its mount points: "/ /proc /mnt".
func points(table []mount) string {
	var out []string
	for _, m := range table {
		out = append(out, m.Point)
	}
	if out == nil {
		return "(none)"
	}
	return strings.Join(out, " ")
}

// mountAt finds the mount that shows at a point. Mounts may be piled on one point; the last
// one hides the others.
func mountAt(table []mount, point string) (mount, bool) {
	for i := len(table) - 1; i >= 0; i-- {
		if table[i].Point == point {
			return table[i], true
		}
	}
	return mount{}, false
}

// answer turns what a system call returned into the text of a fact: "ok", or the name of
// the errno. This lesson is full of calls that are meant to fail.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// doMount is mount(2) with the arguments in its error.
func doMount(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mount(%q, %q, %q, %#x): %w", source, target, fstype, flags, err)
	}
	return nil
}

// doUmount is umount2(2) with the arguments in its error.
func doUmount(target string, flags int) error {
	if err := unix.Unmount(target, flags); err != nil {
		return fmt.Errorf("umount2(%q, %#x): %w", target, flags, err)
	}
	return nil
}

// pivotRoot is pivot_root(2) with the arguments in its error.
func pivotRoot(newRoot, putOld string) error {
	if err := unix.PivotRoot(newRoot, putOld); err != nil {
		return fmt.Errorf("pivot_root(%q, %q): %w", newRoot, putOld, err)
	}
	return nil
}

// chroot is chroot(2) with the argument in its error.
func chroot(path string) error {
	if err := unix.Chroot(path); err != nil {
		return fmt.Errorf("chroot(%q): %w", path, err)
	}
	return nil
}
