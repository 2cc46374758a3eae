package labtest

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/shared/internal/procs"
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
	all, err := procs.All(p.proc)
	if err != nil {
		return nil, err
	}
	s["process"] = []string{} // the living only: an adopted orphan that has ended is no leak
	for _, d := range procs.Descendants(all, p.pid) {
		s["process"] = append(s["process"], d.String())
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
