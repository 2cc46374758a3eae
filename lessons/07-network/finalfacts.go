package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the kernel tells of a process, as far as it is about isolation. Every fact is read
// from outside, under /proc/PID and in the folder of the process's cgroup: the process is
// not asked, and need not help.
var finalFacts = []struct {
	name string
	read func(pid int) (string, error)
}{
	{"PIDs", statusFact("NSpid")},
	{"ns/user", namespaceFact("user")},
	{"ns/mnt", namespaceFact("mnt")},
	{"ns/pid", namespaceFact("pid")},
	{"ns/net", namespaceFact("net")},
	{"ns/uts", namespaceFact("uts")},
	{"ns/ipc", namespaceFact("ipc")},
	{"ns/cgroup", namespaceFact("cgroup")},
	{"ns/time", namespaceFact("time")},
	{"root", rootOf},
	{"mounts", mountsCounted},
	{"/proc/sys", optionsAt("/proc/sys")},
	{"/proc/kcore", kindOf("/proc/kcore")},
	{"memory.max", groupFile("memory.max")},
	{"pids.max", groupFile("pids.max")},
	{"cpu.max", groupFile("cpu.max")},
	{"uid_map", idMap("uid_map")},
	{"gid_map", idMap("gid_map")},
	{"Uid", statusFact("Uid")},
	{"CapEff", statusFact("CapEff")},
	{"CapBnd", statusFact("CapBnd")},
	{"CapInh", statusFact("CapInh")},
	{"NoNewPrivs", statusFact("NoNewPrivs")},
	{"Seccomp", statusFact("Seccomp")},
	{"interfaces", interfacesOf},
	{"descriptors", descriptorsOf},
}

// namespaceFact is the inode of one of the eight (namespaces(7)).
func namespaceFact(kind string) func(int) (string, error) {
	return func(pid int) (string, error) {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		return strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]"), err
	}
}

// statusFact is one line of /proc/PID/status. Of the four user ids it is the real one.
func statusFact(field string) func(int) (string, error) {
	return func(pid int) (string, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return "", err
		}
		words := statusField(string(text), field)
		if field == "Uid" && len(words) > 1 {
			words = words[:1]
		}
		return strings.Join(words, " "), nil
	}
}

// statusField is what stands behind a name in /proc/PID/status.
func statusField(text, field string) []string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}

// rootOf is where the tree of a process begins: type, device and inode.
func rootOf(pid int) (string, error) {
	path := fmt.Sprintf("/proc/%d/root/", pid) // with the slash: not the link, but what it leads to
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", fmt.Errorf("stat(%q): %w", path, err)
	}
	device := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	kind := "?"
	if at, ok := mountPoint(pid, "/"); ok {
		kind = at.kind
	}
	return fmt.Sprintf("%s %s %d", kind, device, st.Ino), nil
}

// A mountedPoint is a line of mountinfo, as far as it is needed here (lesson 03).
type mountedPoint struct{ options, kind string }

// mountPoint finds what shows at a place of a process's tree; the last mount hides the others.
func mountPoint(pid int, place string) (p mountedPoint, found bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return p, false
	}
	for line := range strings.Lines(string(text)) {
		head, tail, ok := strings.Cut(line, " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if ok && len(h) > 5 && len(t) > 0 && h[4] == place {
			p, found = mountedPoint{h[5], t[0]}, true
		}
	}
	return p, found
}

func mountsCounted(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	return strconv.Itoa(strings.Count(string(text), "\n")), err
}

// optionsAt says whether a place may be written: of the nearest mount at or above it.
func optionsAt(place string) func(int) (string, error) {
	return func(pid int) (string, error) {
		for at := place; ; at = filepath.Dir(at) {
			if p, ok := mountPoint(pid, at); ok {
				option, _, _ := strings.Cut(p.options, ",")
				return option, nil
			}
			if at == "/" {
				return "", fmt.Errorf("nothing is mounted at %s or above", place)
			}
		}
	}
}

// kindOf says what a process finds at a place: a mask is a device, 1:3, and that is null.
func kindOf(place string) func(int) (string, error) {
	return func(pid int) (string, error) {
		path := fmt.Sprintf("/proc/%d/root%s", pid, place)
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return "", fmt.Errorf("stat(%q): %w", path, err)
		}
		if st.Mode&unix.S_IFMT == unix.S_IFCHR {
			return fmt.Sprintf("device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), nil
		}
		return "file", nil
	}
}

// groupFile reads a limit: of the process's cgroup, or of the nearest above that has one.
func groupFile(name string) func(int) (string, error) {
	return func(pid int) (string, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil {
			return "", err
		}
		path, ok := "", false
		for line := range strings.Lines(string(text)) { // a line for each tree; that of v2 is number 0
			if rest, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
				path, ok = rest, true
			}
		}
		if !ok {
			return "", fmt.Errorf("not in a cgroup v2: %q", text)
		}
		limit, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", path, name))
		if os.IsNotExist(err) {
			return unlimited(name), nil // the root of the tree has no such file: it has no limit
		}
		return strings.TrimSpace(string(limit)), err
	}
}

// unlimited is how the kernel writes that there is no limit.
func unlimited(name string) string {
	if name == "cpu.max" {
		return "max 100000"
	}
	return "max"
}

// idMap is a map of users or groups, its lines one behind another.
func idMap(name string) func(int) (string, error) {
	return func(pid int) (string, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		return strings.Join(strings.Fields(string(text)), " "), err
	}
}

// interfacesOf lists the network devices of a process's network namespace (proc_pid_net(5)).
func interfacesOf(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		return "", err
	}
	return strings.Join(parseDevices(string(text)), " "), nil
}

// parseDevices takes the names out of the table, which has two lines of heading.
func parseDevices(table string) (names []string) {
	for line := range strings.Lines(table) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { // lo first
		switch {
		case a == "lo" && b != "lo":
			return -1
		case b == "lo" && a != "lo":
			return 1
		}
		return 0
	})
	return names
}

// descriptorsOf gives the numbers of what a process has open.
func descriptorsOf(pid int) (string, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " "), err
}

// whoRuns finds the process whose arguments are exactly these. A runtime's own processes may
// carry them too, behind their own.
func whoRuns(argv ...string) (int, error) {
	want := strings.Join(argv, "\x00") + "\x00"
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && string(text) == want {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("%v: %w", argv, errNobody)
}
