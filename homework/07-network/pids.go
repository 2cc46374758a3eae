package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/ns"
)

// A PID is a process with its two numbers: the container's for it, and ours.
type PID struct {
	Inside  int `json:"inside"`
	Outside int `json:"outside"`
}

// arrows prints them as 1→4711, 7→4719.
func arrows(pids []PID) string {
	var list []string
	for _, p := range pids {
		list = append(list, fmt.Sprintf("%d→%d", p.Inside, p.Outside))
	}
	return strings.Join(list, ", ")
}

// pids finds every process of the container whose process 1 we know as init.
func pids(id string, init int) (found []PID, err error) {
	numbers, err := ns.PIDs(ns.Proc, init)
	if err != nil {
		return nil, err
	}
	level := len(numbers) - 1
	members, err := members(groupOf(id).Path)
	if gone(err) { // it has no cgroup
		members, err = inNamespace(init)
	}
	if err != nil {
		return nil, err
	}
	for _, outside := range members {
		numbers, err := ns.PIDs(ns.Proc, outside)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, PID{Inside: numbers[level], Outside: outside})
	}
	slices.SortFunc(found, func(a, b PID) int { return a.Inside - b.Inside })
	return found, nil
}

// members lists the processes of a cgroup, and of those below that somebody inside has made.
func members(path string) (all []int, err error) {
	all, err = cgroup.Group{Path: path}.Procs()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() {
			below, err := members(filepath.Join(path, e.Name()))
			if err != nil && !gone(err) {
				return nil, err
			}
			all = append(all, below...)
		}
	}
	return all, nil
}

// inNamespace lists the processes of a PID namespace, and of those below.
func inNamespace(init int) (all []int, err error) {
	own, err := pidNamespaces(init)
	if err != nil {
		return nil, err
	}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range entries {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		// What an ordinary user may not look at is none of its containers'.
		switch in, err := pidNamespaces(pid); {
		case gone(err), errors.Is(err, fs.ErrPermission):
		case err != nil:
			return nil, err
		case slices.Contains(in, own[0]):
			all = append(all, pid)
		}
	}
	return all, nil
}

// pidNamespaces lists the PID namespaces that a process has a number in: its own, that one's
// parent, and so on up to ours.
func pidNamespaces(pid int) (all []ns.ID, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	for ; err == nil; f, err = parentOf(f) {
		id, err := ns.IDOf(f)
		if err != nil {
			f.Close()
			return nil, err
		}
		all = append(all, id)
	}
	if errors.Is(err, unix.EPERM) && len(all) > 0 { // ours has no parent that we may see
		err = nil
	}
	return all, err
}

// parentOf goes one namespace up.
func parentOf(f *os.File) (*os.File, error) {
	defer f.Close()
	return ns.Parent(f)
}

// gone is true of the errors of a process, or a cgroup, that went while we were looking at it.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.ENODEV)
}
