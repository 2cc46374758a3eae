package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Stats is what a group has used, and how often it met its limits. What the kernel does not
// say, because a controller is not there, is zero.
type Stats struct {
	Memory, MemoryPeak     int64 // bytes
	CPU                    time.Duration
	Periods, Throttled     int64 // of cpu.max
	Pids                   int64
	PidsRefused            int64 // clone(2) failed with EAGAIN
	OOM, OOMKill, OOMGroup int64 // memory.events
	Populated, Frozen      bool
}

// Stats reads them. The files are read one after another: they are of one moment only nearly.
func (g Group) Stats() (Stats, error) {
	var s Stats
	var usec, populated, frozen int64
	for _, v := range []struct {
		to         *int64
		file, name string
	}{
		{&s.Memory, "memory.current", ""}, {&s.MemoryPeak, "memory.peak", ""},
		{&usec, "cpu.stat", "usage_usec"}, {&s.Periods, "cpu.stat", "nr_periods"}, {&s.Throttled, "cpu.stat", "nr_throttled"},
		{&s.Pids, "pids.current", ""}, {&s.PidsRefused, "pids.events", "max"},
		{&s.OOM, "memory.events", "oom"}, {&s.OOMKill, "memory.events", "oom_kill"}, {&s.OOMGroup, "memory.events", "oom_group_kill"},
		{&populated, "cgroup.events", "populated"}, {&frozen, "cgroup.events", "frozen"},
	} {
		n, err := g.field(v.file, v.name)
		switch {
		case errors.Is(err, errNoField), errors.Is(err, os.ErrNotExist) && v.file != "cgroup.events":
		case err != nil:
			return Stats{}, err
		default:
			*v.to = n
		}
	}
	s.CPU = time.Duration(usec) * time.Microsecond
	s.Populated, s.Frozen = populated == 1, frozen == 1
	return s, nil
}

var errNoField = errors.New("no such field")

// field reads one value: of a file of "name value" lines, or of a file with one number, name "".
func (g Group) field(file, name string) (int64, error) {
	text, err := g.read(file)
	if err != nil {
		return 0, err
	}
	n, err := parseField(text, name)
	if err != nil {
		return 0, fmt.Errorf("cgroup: %s/%s: %w", g.Path, file, err)
	}
	return n, nil
}

func parseField(text, name string) (int64, error) {
	if name == "" {
		return strconv.ParseInt(text, 10, 64)
	}
	for _, line := range strings.Split(text, "\n") {
		if key, value, ok := strings.Cut(line, " "); ok && key == name {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("%w %s", errNoField, name)
}
