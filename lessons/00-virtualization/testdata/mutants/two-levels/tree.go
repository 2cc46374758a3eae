// mutant: task=tree diagnosis=tree-incomplete
// The tree ends with the children of the first processes.

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A process is what a folder of /proc says of one.
type process struct {
	pid, parent int
	name        string
}

// showTree prints all processes of this machine.
func showTree() error {
	all, err := processes("/proc")
	if err != nil {
		return err
	}
	return printTree(os.Stdout, all)
}

// processes reads the folder proc, in the order of the PIDs.
func processes(proc string) ([]process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	var all []process
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue // not the folder of a process
		}
		stat, err := os.ReadFile(proc + "/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		p, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b process) int { return a.pid - b.pid })
	return all, nil
}

// parseStat takes PID, name and parent out of a line of /proc/PID/stat:
//
//	1 (init) R 0 1 1 0 -1 4194560 …
//	pid (name) state parent …
func parseStat(stat string) (process, error) {
	// homework: tree
	// TODO: The name stands in parentheses, and may hold anything: spaces, parentheses
	// (proc_pid_stat(5)). Return an error for a line that is none.
	open, shut := strings.Index(stat, " ("), strings.LastIndex(stat, ") ")
	if open < 0 || shut < open {
		return process{}, fmt.Errorf("not a line of /proc/PID/stat: %q", stat)
	}
	pid, err := strconv.Atoi(stat[:open])
	if err != nil {
		return process{}, fmt.Errorf("the PID in %q: %w", stat, err)
	}
	after := strings.Fields(stat[shut+2:])
	if len(after) < 2 {
		return process{}, fmt.Errorf("no parent in %q", stat)
	}
	parent, err := strconv.Atoi(after[1])
	if err != nil {
		return process{}, fmt.Errorf("the parent in %q: %w", stat, err)
	}
	return process{pid: pid, parent: parent, name: stat[open+2 : shut]}, nil
	// end
}

// printTree prints a line for each process, PID and name, each below its parent and two
// spaces further in:
//
//	1 init
//	2 kthreadd
//	  3 pool_workqueue_release
func printTree(w io.Writer, all []process) error {
	// homework: tree
	// TODO: Begin with those whose parent is 0. The list may be in any order but is sorted by
	// PID, and so should each branch be.
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	var below func(parent int, indent string) error
	below = func(parent int, indent string) error {
		for _, p := range children[parent] {
			if _, err := fmt.Fprintf(w, "%s%d %s\n", indent, p.pid, p.name); err != nil {
				return err
			}
			if indent != "" {
				continue
			}
			if err := below(p.pid, indent+"  "); err != nil {
				return err
			}
		}
		return nil
	}
	return below(0, "") // the kernel itself is 0
	// end
}
