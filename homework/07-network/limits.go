package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mydocker.example/shared/cgroup"
)

// Resources are the limits, in the OCI specification's words; nil is no limit.
type Resources struct {
	Memory *Memory `json:"memory,omitempty"`
	CPU    *CPU    `json:"cpu,omitempty"`
	Pids   *Pids   `json:"pids,omitempty"`
}

// Memory is in bytes. Swap is memory and swap together, as the specification has it: the
// same number means no swap.
type Memory struct {
	Limit int64 `json:"limit"`
	Swap  int64 `json:"swap"`
}

// CPU is microseconds of all processors together, in each period.
type CPU struct {
	Quota  int64 `json:"quota"`
	Period int64 `json:"period"`
}

// Pids is how many processes and threads.
type Pids struct {
	Limit int64 `json:"limit"`
}

// What the flags take. Process 1 of a container is mydocker's own, is in the group, and is
// counted with the rest.
const (
	leastMemory = 6 << 20 // docker's
	leastPids   = 2       // process 1, and the command
	mostPids    = 1 << 22 // the kernel has no more numbers (proc_sys_kernel(5), pid_max)
	leastCPU    = 0.01    // a quota of 1 ms is the kernel's least
	mostCPU     = 8192    // no kernel is built for more processors
	cpuPeriod   = 100_000 // µs; the kernel's own, and docker's
)

// limitFlags defines the flags, with docker's names for them.
func limitFlags(flags *flagSet, r *Resources) {
	flags.each("-m --memory", "SIZE", "its memory at most: 50m; units b k m g", func(text string) error {
		n, err := parseMemory(text)
		r.Memory = &Memory{n, n}
		return err
	})
	flags.each("--cpu --cpus", "NUMBER", "processors at most: 0.5", func(text string) error {
		n, err := parseCPU(text)
		r.CPU = &CPU{n, cpuPeriod}
		return err
	})
	flags.each("--pids --pids-limit", "NUMBER", "processes and threads at most", func(text string) error {
		n, err := parsePids(text)
		r.Pids = &Pids{n}
		return err
	})
}

// limits are the kernel's words for it.
func (r Resources) limits() (l cgroup.Limits) {
	if r.Memory != nil {
		// Else what is over the limit would be put on the disk, and not be over it any more.
		l.MemoryMax, l.MemorySwapMax = r.Memory.Limit, cgroup.NoSwap
	}
	if r.CPU != nil {
		l.CPUQuota, l.CPUPeriod = r.CPU.Quota, r.CPU.Period
	}
	if r.Pids != nil {
		l.PidsMax = r.Pids.Limit
	}
	return l
}

// parseMemory reads a size as docker does: a whole number, and b, k, m or g.
func parseMemory(text string) (int64, error) {
	digits, shift := strings.ToLower(text), 0
	for i, unit := range []string{"b", "k", "m", "g"} {
		if before, found := strings.CutSuffix(digits, unit); found {
			digits, shift = before, 10*i
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange), n > math.MaxInt64>>shift:
		return 0, fmt.Errorf("%q is more than any machine has", text)
	case err != nil:
		return 0, fmt.Errorf("%q is not a size: write a whole number and b, k, m or g, such as 50m", text)
	case n<<shift < leastMemory:
		return 0, fmt.Errorf("%q is too little to start anything in: 6m is the least", text)
	}
	return int64(n << shift), nil
}

// parseCPU reads how many processors: 0.5 is half of one. The result is the quota.
func parseCPU(text string) (int64, error) {
	cpus, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is not a number of processors: write one such as 0.5 or 2", text)
	}
	if !(cpus >= leastCPU && cpus <= mostCPU) { // in this form NaN is refused, too
		return 0, fmt.Errorf("%q: the number of processors is from %v to %d, such as 0.5", text, leastCPU, mostCPU)
	}
	return int64(math.Round(cpus * cpuPeriod)), nil
}

// parsePids reads a number of processes.
func parsePids(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is not a number of processes: write a whole one, such as 100", text)
	}
	if n < leastPids || n > mostPids {
		return 0, fmt.Errorf("%q: the number of processes is from %d to %d (process 1, mydocker's own, counts); without the flag there is no limit", text, leastPids, mostPids)
	}
	return n, nil
}

// size writes bytes as docker does: 50MiB.
func size(n int64) string {
	value, unit := float64(n), 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.4g%s", value, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}
