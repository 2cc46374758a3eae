package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// A reading is what a container has used, read from its group at one moment.
type reading struct {
	at     time.Time
	cpu    time.Duration // of all processors together, since the beginning
	memory int64         // bytes, now
	limit  int64         // bytes; math.MaxInt64: none
	pids   int64         // processes and threads, now
}

// between is how long two readings are apart: what a processor does is known of a time only.
const between = time.Second

// stats prints what containers use, those that were named or all that run: docker's columns,
// once. The network is the host's until lesson 07, and io is not measured: docker has -- for
// what it cannot tell.
func stats(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("stats")
	flags.Bool("no-stream", true, "") // it never does more than that
	if err := flags.Parse(args); err != nil {
		return err
	}
	containers, err := running(s, flags.Args())
	if err != nil {
		return err
	}
	before := map[string]reading{}
	for _, c := range containers {
		if before[c.ID], err = measure(c); err != nil && !gone(err) {
			return err
		}
	}
	if len(containers) > 0 {
		time.Sleep(between)
	}
	total, err := machineMemory()
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tw, "CONTAINER ID\tNAME\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS")
	for _, c := range containers {
		now, err := measure(c)
		if gone(err) { // it has ended meanwhile
			continue
		}
		if err != nil {
			return err
		}
		limit := min(now.limit, total)
		fmt.Fprintf(tw, "%s\t%s\t%.2f%%\t%s / %s\t%.2f%%\t-- / --\t-- / --\t%d\n", c.ID, c.Name,
			now.percent(before[c.ID]), size(now.memory), size(limit), 100*float64(now.memory)/float64(limit), now.pids)
	}
	return tw.Flush()
}

// measure reads the group of a container once.
func measure(r store.Record) (reading, error) {
	g, err := groupOf(r)
	if err != nil {
		return reading{}, err
	}
	used, err := g.Stats()
	if err != nil {
		return reading{}, err
	}
	u := reading{at: time.Now(), cpu: used.CPU, memory: used.Memory, limit: math.MaxInt64, pids: used.Pids}
	var spec Spec
	if json.Unmarshal(r.Config, &spec) == nil && spec.Limits.MemoryMax != 0 {
		u.limit = spec.Limits.MemoryMax
	}
	return u, nil
}

// percent is what was used of one processor since an earlier reading: two are 200.
func (u reading) percent(before reading) float64 {
	return 100 * float64(u.cpu-before.cpu) / float64(u.at.Sub(before.at))
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
		if _, err := measure(c); err != nil {
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
