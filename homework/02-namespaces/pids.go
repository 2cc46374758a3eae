package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A PID is a process with its two numbers: the container's for it, and ours.
type PID struct {
	Inside  int `json:"inside"`
	Outside int `json:"outside"`
}

// join prints them as 1→4711, 7→4719.
func join(pids []PID) string {
	var list []string
	for _, p := range pids {
		list = append(list, fmt.Sprintf("%d→%d", p.Inside, p.Outside))
	}
	return strings.Join(list, ", ")
}

// pids finds every process of the container whose process 1 we know as init.
func pids(init int) ([]PID, error) {
	// homework: ps
	// TODO: parseNSpid has the numbers of a process: ours first, then one for each PID
	// namespace further in. Which place has the container's? init has a 1 there. Go
	// through /proc/[0-9]*/status; a process belongs to the container if pidNamespaces
	// says that it is in init's PID namespace, or further in. One that goes while you
	// look (gone) is no error. Sort by the number inside.
	return nil, todo("ps: pids")
}

// parseNSpid reads the line NSpid of /proc/PID/status (proc_pid_status(5)).
func parseNSpid(status string) ([]int, error) {
	for line := range strings.Lines(status) {
		list, ok := strings.CutPrefix(line, "NSpid:")
		if !ok {
			continue
		}
		var numbers []int
		for _, field := range strings.Fields(list) {
			n, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("NSpid: %w", err)
			}
			numbers = append(numbers, n)
		}
		return numbers, nil
	}
	return nil, errors.New("no line NSpid")
}

func readNSpid(pid int) ([]int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	return parseNSpid(string(status))
}

// A nsID tells a namespace from all others: nsfs has a file for each (namespaces(7)).
type nsID struct{ dev, ino uint64 }

// pidNamespaces lists the PID namespaces that a process has a number in: its own, that one's
// parent, and so on up to ours (NS_GET_PARENT, ioctl_nsfs(2)).
func pidNamespaces(pid int) (all []nsID, err error) {
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/pid", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(/proc/%d/ns/pid): %w", pid, err)
	}
	for {
		var st unix.Stat_t
		err := unix.Fstat(ns, &st)
		if err != nil {
			unix.Close(ns)
			return nil, fmt.Errorf("fstat(/proc/%d/ns/pid): %w", pid, err)
		}
		all = append(all, nsID{st.Dev, st.Ino})
		parent, err := unix.IoctlRetInt(ns, unix.NS_GET_PARENT)
		unix.Close(ns)
		if errors.Is(err, unix.EPERM) { // ours has no parent that we may see
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("ioctl(NS_GET_PARENT): %w", err)
		}
		ns = parent
	}
}

// gone is true of the errors of a process that ended while we were looking at it.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
