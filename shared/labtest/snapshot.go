package labtest

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A place is where to look: the roots of the kernel's file systems, and the process whose
// leaks are looked for.
type place struct {
	proc, cgroup string
	pid          int
}

func (p place) snapshot() (snapshot, error) {
	s := snapshot{"network interface": interfaces(), "cgroup": cgroups(p.cgroup)}
	mountinfo, err := os.ReadFile(fmt.Sprintf("%s/%d/mountinfo", p.proc, p.pid))
	if err != nil {
		return nil, err
	}
	s["mount"] = mounts(string(mountinfo))
	if s["process"], err = p.descendants(); err != nil {
		return nil, err
	}
	s["namespace"] = append(p.namespaces(), namespaceMounts(string(mountinfo))...)
	return s, nil
}

// mounts are "mount point (type)", from lines as proc_pid_mountinfo(5) has them:
// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
func mounts(mountinfo string) []string {
	var out []string
	eachMount(mountinfo, func(_, point, fstype string) {
		out = append(out, fmt.Sprintf("%s (%s)", point, fstype))
	})
	return out
}

// namespaceMounts are the namespaces that a bind mount keeps alive.
func namespaceMounts(mountinfo string) []string {
	var out []string
	eachMount(mountinfo, func(root, point, fstype string) {
		if fstype == "nsfs" {
			out = append(out, fmt.Sprintf("%s, bound to %s", root, point))
		}
	})
	return out
}

func eachMount(mountinfo string, fn func(root, point, fstype string)) {
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if ok && len(fields) >= 5 && len(rest) >= 1 {
			fn(fields[3], fields[4], rest[0])
		}
	}
}

// cgroups are all folders below the root of the cgroup tree.
func cgroups(root string) []string {
	var out []string
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root {
			out = append(out, path)
		}
		return nil // a group that goes while we walk is none
	})
	return out
}

// interfaces are those of this thread's network namespace.
func interfaces() []string {
	var out []string
	list, err := net.Interfaces()
	if err != nil {
		return []string{err.Error()}
	}
	for _, i := range list {
		out = append(out, i.Name)
	}
	return out
}

// namespaces are those that this process itself keeps alive: by a thread that was left in
// one, or by an open descriptor. A namespace of a forgotten child goes with the child.
func (p place) namespaces() []string {
	var out []string
	own := map[string]bool{}
	process := fmt.Sprintf("%s/%d", p.proc, p.pid)
	for _, link := range links(process + "/ns/*") {
		own[link] = true
	}
	seen := map[string]bool{} // threads come and go; what counts is where they are
	for _, link := range links(process + "/task/*/ns/*") {
		if !own[link] && !seen[link] {
			seen[link] = true
			out = append(out, link+", a thread is in it")
		}
	}
	for _, link := range links(process + "/fd/*") {
		if kind, _, ok := strings.Cut(link, ":["); ok && namespaceKinds[kind] {
			out = append(out, link+", open")
		}
	}
	return out
}

var namespaceKinds = map[string]bool{
	"cgroup": true, "ipc": true, "mnt": true, "net": true, "pid": true,
	"pid_for_children": true, "time": true, "time_for_children": true, "user": true, "uts": true,
}

// links are the targets of the symbolic links that a pattern matches.
func links(pattern string) []string {
	var out []string
	paths, _ := filepath.Glob(pattern) // the only error is a bad pattern
	for _, path := range paths {
		if target, err := os.Readlink(path); err == nil {
			out = append(out, target)
		}
	}
	return out
}

// descendants are the children of the process, and theirs.
func (p place) descendants() ([]string, error) {
	stats, err := filepath.Glob(p.proc + "/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	names := map[int]string{}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, parent, name, state, err := parseStat(string(stat))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if state == "Z" {
			continue // ended; an adopted orphan has nobody who would wait for it
		}
		children[parent] = append(children[parent], pid)
		names[pid] = fmt.Sprintf("%s(%d)", name, pid)
	}
	var out []string
	for next := []int{p.pid}; len(next) > 0; next = next[1:] {
		for _, child := range children[next[0]] {
			out = append(out, names[child])
			next = append(next, child)
		}
	}
	return out, nil
}

// parseStat reads the first four fields of /proc/PID/stat (proc_pid_stat(5)). The name is
// in parentheses and may hold any.
func parseStat(stat string) (pid, parent int, name, state string, err error) {
	open, shut := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return 0, 0, "", "", fmt.Errorf("not a stat line: %q", stat)
	}
	fields := strings.Fields(stat[shut+1:])
	if len(fields) < 2 {
		return 0, 0, "", "", fmt.Errorf("not a stat line: %q", stat)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(stat[:open]))
	if err != nil {
		return 0, 0, "", "", err
	}
	parent, err = strconv.Atoi(fields[1])
	return pid, parent, stat[open+1 : shut], fields[0], err
}
