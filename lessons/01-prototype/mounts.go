package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// mount is one line of /proc/PID/mountinfo: a file system, and where it hangs in the tree.
type mount struct {
	ID, Parent int    // of the mount, and of the mount that it hangs on
	Device     string // major:minor, st_dev of the files under it
	Root       string // which folder of the file system is shown: not / after a bind mount
	Point      string // where, as seen from the process's root
	Options    string // of this mount: ro, nosuid, …
	Type       string // of the file system
	Source     string // a device, or whatever was written in its place
}

// parseMountinfo reads the table in the kernel's order, later mounts later:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// Between the options and the lone hyphen stand any number of optional fields
// (proc_pid_mountinfo(5)).
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
			ID: id, Parent: parent, Device: h[2],
			Root: unescape(h[3]), Point: unescape(h[4]), Options: h[5],
			Type: t[0], Source: unescape(t[1]),
		})
	}
	return table, lines.Err()
}

// unescape undoes the kernel's octal: a space in a path is \040, or it would look like two
// fields.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// mountOf finds the mount that shows at a point. Mounts may be piled on one point; the last
// one hides the others.
func mountOf(table []mount, point string) (mount, bool) {
	for i := len(table) - 1; i >= 0; i-- {
		if table[i].Point == point {
			return table[i], true
		}
	}
	return mount{}, false
}

// mounts reads the mount table of a running process, and asks the kernel in another way
// whether it is true.
var mounts = proof.Proof{
	ID: "mounts",
	Guest: func(r *proof.Report) error {
		cat, err := start(exec.Command("cat"))
		if err != nil {
			return err
		}
		defer cat.end()

		path := fmt.Sprintf("/proc/%d/mountinfo", cat.pid())
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		table, err := parseMountinfo(f)
		if err != nil {
			return err
		}
		r.Sawf("mounts", "wc -l "+path, "%d", len(table))
		r.Saw("types", "the file systems in it", types(table))

		for _, point := range []string{"/", "/proc"} {
			m, ok := mountOf(table, point)
			if !ok {
				return fmt.Errorf("%s has no mount at %s", path, point)
			}
			r.Sawf("line"+point, "the mount at "+point, "%s from %s, %s", m.Type, m.Source, m.Options)
			r.Saw("device"+point, "its device", m.Device)
			r.Saw("type"+point, "its type", m.Type)
		}

		// The second witness: stat(2) and statfs(2) of the place itself.
		var st unix.Stat_t
		if err := unix.Stat("/proc", &st); err != nil {
			return fmt.Errorf("stat(%q): %w", "/proc", err)
		}
		r.Sawf("stat", "stat(2) of /proc: the device", "%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
		var fs unix.Statfs_t
		if err := unix.Statfs("/proc", &fs); err != nil {
			return fmt.Errorf("statfs(%q): %w", "/proc", err)
		}
		r.Sawf("magic", "statfs(2) of /proc: the type", "%#x", fs.Type)

		// /etc/mtab and mount(8) show the caller's own table, and this is why.
		link, err := os.Readlink("/proc/mounts")
		if err != nil {
			return err
		}
		r.Saw("link", "readlink /proc/mounts", link)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("mounts") >= 2, "only %d mounts", s.Int("mounts"))
		s.Equal("type/proc", "proc")
		s.Same("device/proc", "stat")
		s.Equal("magic", fmt.Sprintf("%#x", unix.PROC_SUPER_MAGIC))
		s.Differ("device/", "device/proc")
		s.Equal("link", "self/mounts")
	},
}

// types names each file-system type of the table once, in the order of the alphabet.
func types(table []mount) string {
	seen := map[string]bool{}
	var names []string
	for _, m := range table {
		if !seen[m.Type] {
			seen[m.Type] = true
			names = append(names, m.Type)
		}
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}
