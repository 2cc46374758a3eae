// Package procs finds the processes that somebody has started, and ends them.
package procs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is what /proc/PID/stat begins with (proc_pid_stat(5)).
type Process struct {
	PID, Parent int
	Name, State string
}

func (p Process) String() string { return fmt.Sprintf("%s(%d)", p.Name, p.PID) }

// Ended: only the parent's wait(2) is missing.
func (p Process) Ended() bool { return p.State == "Z" || p.State == "X" }

// Parse reads a stat line. The name stands in parentheses and may hold any itself.
func Parse(stat string) (Process, error) {
	open, shut := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return Process{}, fmt.Errorf("not a stat line: %q", stat)
	}
	rest := strings.Fields(stat[shut+1:])
	if len(rest) < 2 {
		return Process{}, fmt.Errorf("not a stat line: %q", stat)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(stat[:open]))
	if err != nil {
		return Process{}, err
	}
	parent, err := strconv.Atoi(rest[1])
	return Process{PID: pid, Parent: parent, Name: stat[open+1 : shut], State: rest[0]}, err
}

// All lists the living processes in the order of their PIDs. proc is where procfs is mounted.
func All(proc string) ([]Process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile(proc + "/" + entry.Name() + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		p, err := Parse(string(stat))
		if err != nil {
			return nil, fmt.Errorf("%s/%s/stat: %w", proc, entry.Name(), err)
		}
		if !p.Ended() {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Process) int { return a.PID - b.PID })
	return all, nil
}

// Descendants are those of all that descend from the process root.
func Descendants(all []Process, root int) []Process {
	family := map[int]bool{root: true}
	var found []Process
	for grown := true; grown; { // a parent's PID may be the greater one
		grown = false
		for _, p := range all {
			if family[p.Parent] && !family[p.PID] {
				family[p.PID] = true
				found = append(found, p)
				grown = true
			}
		}
	}
	slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
	return found
}

// Pause is how long End waits between two looks.
const pause = 5 * time.Millisecond

// End ends and reaps what list lists, until it lists nothing or limit is over. What is
// still there after grace is killed and returned.
func End(list func() []Process, grace, limit time.Duration) []Process {
	var killed []Process
	begun := time.Now()
	for {
		reap()
		alive := list()
		switch since := time.Since(begun); {
		case len(alive) == 0 || since > grace+limit:
			return killed
		case since >= grace:
			for _, p := range alive {
				if !slices.ContainsFunc(killed, func(k Process) bool { return k.PID == p.PID }) {
					killed = append(killed, p)
				}
				unix.Kill(p.PID, unix.SIGKILL) // ESRCH: gone by itself
			}
		}
		time.Sleep(pause)
	}
}

// reap collects every child that has ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
