package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/store"
)

// A statsRow is what a container uses, as docker's columns have it.
type statsRow struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	CPUPercent float64 `json:"cpu_percent"` // of one processor: two are 200
	Memory     int64   `json:"memory"`
	Limit      int64   `json:"memory_limit"`
	PIDs       int64   `json:"pids"` // processes and threads
}

// between is how long two readings are apart: what a processor does is known of a time only.
const between = time.Second

// stats prints what containers use, those that were named or all that run: once. docker has
// -- for what it cannot tell.
func stats(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("stats")
	var noStream, asJSON bool
	flags.on(&noStream, "--no-stream", "once, as always")
	flags.on(&asJSON, "--json", "as JSON")
	refs, err := flags.parse(args)
	if err != nil {
		return err
	}
	containers, err := running(s, refs)
	if err != nil {
		return err
	}
	rows, err := measure(containers)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tw, "CONTAINER ID\tNAME\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%.2f%%\t%s / %s\t%.2f%%\t-- / --\t-- / --\t%d\n", r.ID, r.Name,
			r.CPUPercent, size(r.Memory), size(r.Limit), 100*float64(r.Memory)/float64(r.Limit), r.PIDs)
	}
	return tw.Flush()
}

// measure reads each group twice.
func measure(containers []store.Record) (rows []statsRow, err error) {
	type reading struct {
		at time.Time
		cgroup.Stats
	}
	read := func(id string) (r reading, err error) {
		r.Stats, err = groupOf(id).Stats()
		r.at = time.Now()
		return r, err
	}
	before := map[string]reading{}
	for _, c := range containers {
		if before[c.ID], err = read(c.ID); err != nil && !gone(err) {
			return nil, err
		}
	}
	if len(containers) > 0 {
		time.Sleep(between)
	}
	total, err := machineMemory()
	if err != nil {
		return nil, err
	}
	rows = []statsRow{}
	for _, c := range containers {
		now, err := read(c.ID)
		if gone(err) { // it has ended meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, statsRow{
			ID: c.ID, Name: c.Name, PIDs: now.Pids, Memory: now.Memory,
			Limit:      min(memoryMax(groupOf(c.ID)), total),
			CPUPercent: 100 * float64(now.CPU-before[c.ID].CPU) / float64(now.at.Sub(before[c.ID].at)),
		})
	}
	return rows, nil
}

// running finds the containers that were named, or all that run.
func running(s store.Store, refs []string) (found []store.Record, err error) {
	if len(refs) == 0 {
		all, damaged := s.List()
		for _, c := range all {
			if state, err := s.State(c); err != nil {
				return nil, err
			} else if state == store.Running {
				found = append(found, c)
			}
		}
		return found, damaged
	}
	for _, ref := range refs {
		c, err := s.Find(ref)
		if err != nil {
			return nil, err
		}
		if state, err := s.State(c); err != nil {
			return nil, err
		} else if state != store.Running {
			return nil, fmt.Errorf("stats: container %s is not running", c.ID)
		}
		if _, err := groupOf(c.ID).Procs(); err != nil {
			return nil, errors.Join(fmt.Errorf("stats: container %s has no cgroup that could be read", c.ID), err)
		}
		found = append(found, c)
	}
	return found, nil
}

// machineMemory is what there is where no limit is.
func machineMemory() (int64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, fmt.Errorf("sysinfo: %w", err)
	}
	return int64(info.Totalram) * int64(info.Unit), nil
}
