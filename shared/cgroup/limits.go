// Package cgroup is cgroup v2 as data: limits that are rendered to files, a group that is a
// folder, and what one reads from it.
//
// Lesson 04 teaches it: there every file is written raw. What this version adds: limits are
// checked before anything is created; a limit whose controller is not there is an error that
// names it, never a container without; a group that is half made is removed again; and
// removal waits and tries again, because processes that are killed take a moment to be gone.
// The root of the tree is a parameter, so that the pure part is tested without a kernel.
package cgroup

import (
	"fmt"
	"strconv"
)

// Limits are the kernel's files, in its own words. A zero value changes nothing; Max lifts a
// limit.
type Limits struct {
	MemoryMax     int64 // bytes
	MemoryHigh    int64 // bytes
	MemorySwapMax int64 // bytes; NoSwap for none
	OOMGroup      bool
	CPUQuota      int64 // µs in each period
	CPUPeriod     int64 // µs; 0: 100000
	CPUWeight     int64 // 1 to 10000
	PidsMax       int64
}

// Max is "max", no limit.
const Max int64 = -1

// NoSwap is a limit of nothing for MemorySwapMax, whose zero value changes nothing.
const NoSwap int64 = -2

// A File is one write(2): name, value, and the controller that must be there for it.
type File struct{ Controller, Name, Value string }

const (
	defaultPeriod = 100_000
	minQuota      = 1_000     // the kernel's: 1 ms
	minPeriod     = 1_000     // 1 ms
	maxPeriod     = 1_000_000 // 1 s
	maxWeight     = 10_000
)

// Files renders the limits, or says what is wrong with them. Memory comes last: a limit
// below what is used already takes effect, and kills, at once.
func (l Limits) Files() ([]File, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	var files []File
	add := func(controller, name string, value int64) {
		if value != 0 {
			files = append(files, File{controller, name, word(value)})
		}
	}
	add("pids", "pids.max", l.PidsMax)
	add("cpu", "cpu.weight", l.CPUWeight)
	if l.CPUQuota != 0 {
		files = append(files, File{"cpu", "cpu.max", fmt.Sprintf("%s %d", word(l.CPUQuota), l.period())})
	}
	if l.OOMGroup {
		files = append(files, File{"memory", "memory.oom.group", "1"})
	}
	add("memory", "memory.swap.max", l.MemorySwapMax)
	add("memory", "memory.high", l.MemoryHigh)
	add("memory", "memory.max", l.MemoryMax)
	return files, nil
}

func (l Limits) period() int64 {
	if l.CPUPeriod == 0 {
		return defaultPeriod
	}
	return l.CPUPeriod
}

func (l Limits) check() error {
	for _, v := range []struct {
		name         string
		value, least int64
	}{
		{"memory.max", l.MemoryMax, Max}, {"memory.high", l.MemoryHigh, Max},
		{"memory.swap.max", l.MemorySwapMax, NoSwap}, {"pids.max", l.PidsMax, Max}, {"cpu.max", l.CPUQuota, Max},
	} {
		if v.value < v.least {
			return fmt.Errorf("cgroup: %s cannot be %d", v.name, v.value)
		}
	}
	switch {
	case l.CPUWeight < 0 || l.CPUWeight > maxWeight:
		return fmt.Errorf("cgroup: cpu.weight is from 1 to %d, not %d", maxWeight, l.CPUWeight)
	case l.CPUQuota > 0 && l.CPUQuota < minQuota:
		return fmt.Errorf("cgroup: cpu.max of %d µs: the kernel takes no less than %d", l.CPUQuota, minQuota)
	case l.CPUPeriod != 0 && (l.CPUPeriod < minPeriod || l.CPUPeriod > maxPeriod):
		return fmt.Errorf("cgroup: the period of cpu.max is from %d to %d µs, not %d", minPeriod, maxPeriod, l.CPUPeriod)
	case l.CPUPeriod != 0 && l.CPUQuota == 0:
		return fmt.Errorf("cgroup: a period for cpu.max, and no quota")
	}
	return nil
}

func word(value int64) string {
	switch value {
	case Max:
		return "max"
	case NoSwap:
		return "0"
	}
	return strconv.FormatInt(value, 10)
}
