package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the kernel says of a process and of its namespaces, as /proc tells it. Every other
// file of this lesson asks its questions through these few functions.

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

// numbersOf is NSpid of /proc/PID/status: the number of the process in each PID namespace in
// which it is visible, from that of the procfs inward to its own. "437 1".
func numbersOf(pid int) (string, error) {
	text, err := status(pid, "NSpid")
	return strings.Join(strings.Fields(text), " "), err
}

// parentOf is getppid(2) asked about somebody else.
func parentOf(pid int) (string, error) { return status(pid, "PPid") }

// namespace is readlink(2) of /proc/PID/ns/KIND: "uts:[4026531838]". Two processes share a
// namespace when these are the same (namespaces(7)).
func namespace(pid int, kind string) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
}

// nodename is the host name of the calling thread's UTS namespace, by uname(2).
func nodename() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return answer(err)
	}
	return unix.ByteSliceToString(name.Nodename[:])
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

// check ends a child that cannot go on; its parent sees the exit code.
func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

// childrenOf reads the children of every thread of a process (proc_pid_task(5)): in a Go
// program any thread may have cloned.
func childrenOf(pid int) ([]int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	var children []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // a thread that ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}

// newcomer is the one who is in after and was not in before; 0: nobody.
func newcomer(before, after []int) int {
	for _, pid := range after {
		if !slices.Contains(before, pid) {
			return pid
		}
	}
	return 0
}
