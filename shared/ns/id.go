package ns

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

// An ID names a namespace while it lives: the device and the inode of its file (namespaces(7)).
// The numbers are used again when it is gone.
type ID struct{ Dev, Ino uint64 }

// Proc is where procfs is mounted, unless a caller knows better.
const Proc = "/proc"

// path is /proc/PID/ns/KIND.
func path(proc string, pid int, kind Flags) (string, error) {
	link := kind.Link()
	if link == "" {
		return "", fmt.Errorf("ns: %s is not a single kind of namespace", kind)
	}
	return filepath.Join(proc, strconv.Itoa(pid), "ns", link), nil
}

// Of tells in which namespace of a kind a process is. proc is the root of procfs.
func Of(proc string, pid int, kind Flags) (ID, error) {
	p, err := path(proc, pid, kind)
	if err != nil {
		return ID{}, err
	}
	var st unix.Stat_t
	if err := unix.Stat(p, &st); err != nil {
		return ID{}, fmt.Errorf("stat(%q): %w", p, err)
	}
	return ID{Dev: uint64(st.Dev), Ino: st.Ino}, nil // Dev is 32 bits on some machines
}

// Shared is the set of the kinds in which two processes are in the same namespace.
func Shared(proc string, a, b int) (Flags, error) {
	var same Flags
	for _, k := range kinds {
		x, err := Of(proc, a, k.flag)
		if err != nil {
			return 0, err
		}
		y, err := Of(proc, b, k.flag)
		if err != nil {
			return 0, err
		}
		if x == y {
			same |= k.flag
		}
	}
	return same, nil
}

// Members are the processes in a namespace, by their numbers in the PID namespace that proc
// shows, in ascending order. A process may come or go meanwhile.
func Members(proc string, id ID, kind Flags) ([]int, error) {
	dirs, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil {
			continue
		}
		theirs, err := Of(proc, pid, kind)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH), errors.Is(err, unix.EACCES):
			continue // ended, is a zombie, or is not ours to look at
		case err != nil:
			return nil, err
		case theirs == id:
			pids = append(pids, pid)
		}
	}
	sort.Ints(pids)
	return pids, nil
}

// PIDs are the numbers of a process, from that in the PID namespace that proc shows down to
// that in its own: NSpid of /proc/PID/status (proc_pid_status(5)).
func PIDs(proc string, pid int) ([]int, error) {
	name := filepath.Join(proc, strconv.Itoa(pid), "status")
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pids, err := parseNSpid(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return pids, nil
}

func parseNSpid(status io.Reader) ([]int, error) {
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		numbers, ok := strings.CutPrefix(lines.Text(), "NSpid:")
		if !ok {
			continue
		}
		var pids []int
		for _, field := range strings.Fields(numbers) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
		return pids, nil
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, errors.New("no NSpid")
}
