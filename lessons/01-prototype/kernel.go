package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the kernel knows of a process, as /proc tells it. Every other file of this lesson
// asks its questions through these few functions.

// parseStatus finds one field of a /proc/PID/status: lines of "Name:\tvalue".
func parseStatus(r io.Reader, field string) (string, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && name == field {
			return strings.TrimSpace(value), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no field %s", field)
}

// status reads one field of /proc/PID/status (proc_pid_status(5)).
func status(pid int, field string) (string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return parseStatus(f, field)
}

// parentOf is getppid(2) asked about somebody else.
func parentOf(pid int) (int, error) {
	ppid, err := status(pid, "PPid")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(ppid)
}

// parseStartTime finds field 22 of /proc/PID/stat: when the process began, in clock ticks
// since boot. Field 2 is the name in parentheses, and a name may hold spaces and
// parentheses of its own, so the counting begins after the last ')'.
func parseStartTime(stat string) (string, error) {
	afterName := strings.LastIndexByte(stat, ')')
	fields := strings.Fields(stat[afterName+1:])
	if afterName < 0 || len(fields) < 20 {
		return "", fmt.Errorf("not a stat line: %q", stat)
	}
	return fields[22-3], nil // fields[0] is field 3
}

// startTime and the PID together name a process for good: a PID alone is used again.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	return parseStartTime(string(stat))
}

// descendants walks the process tree down from pid: each process of the machine names its
// parent, nobody lists his children, so the tree is built from the leaves up.
func descendants(pid int) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		parent, err := parentOf(child)
		if err != nil {
			continue // ended since the folder was listed
		}
		children[parent] = append(children[parent], child)
	}
	var found []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		found = append(found, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return found, nil
}

// named shows a branch of the tree as "sh(38) cat(39)".
func named(pids []int) string {
	if len(pids) == 0 {
		return "(nobody)"
	}
	var out []string
	for _, pid := range pids {
		name, err := status(pid, "Name")
		if err != nil {
			name = "gone"
		}
		out = append(out, fmt.Sprintf("%s(%d)", name, pid))
	}
	return strings.Join(out, " ")
}

// openDescriptors lists /proc/PID/fd (proc_pid_fd(5)): for each descriptor what it leads to.
func openDescriptors(pid int) (map[int]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	open := map[int]string{}
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			return nil, err
		}
		target, err := os.Readlink(filepath.Join(dir, name.Name()))
		if err != nil {
			return nil, err
		}
		open[fd] = target
	}
	return open, nil
}

// numbers shows the descriptors that are open as "0 1 2 5".
func numbers(open map[int]string) string {
	fds := make([]int, 0, len(open))
	for fd := range open {
		fds = append(fds, fd)
	}
	sort.Ints(fds)
	return strings.Trim(fmt.Sprint(fds), "[]")
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
