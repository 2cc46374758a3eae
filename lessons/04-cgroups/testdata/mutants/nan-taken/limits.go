// mutant: task=cpu diagnosis=nonsense-taken,nonsense-unnamed
// Each comparison with NaN is false.
package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits are what a container may use at most, in the kernel's units. Zero is no limit.
type Limits struct {
	MemoryMax int64 `json:"memory_max,omitempty"` // bytes
	CPUQuota  int64 `json:"cpu_quota,omitempty"`  // µs in each 100 ms, of all processors together
	PidsMax   int64 `json:"pids_max,omitempty"`   // processes and threads
}

// What the flags take. Process 1 of a container is mydocker's own, and is in the group: its
// memory and its threads are counted with the rest.
const (
	leastMemory = 6 << 20 // docker's
	leastPids   = 16
	mostPids    = 1 << 22 // the kernel has no more numbers (proc_sys_kernel(5), pid_max)
	leastCPU    = 0.01    // a quota of 1 ms is the kernel's least
	mostCPU     = 8192    // no kernel is built for more processors
	period      = 100_000 // µs; the kernel's own, and docker's
)

// parseMemory reads a size as docker does: a whole number, and b, k, m or g.
func parseMemory(text string) (int64, error) {
	// homework: limits
	// TODO: Cut the unit off, in either case, and read the number (strconv.ParseUint refuses a
	// sign). Will the product be an int64? Less than leastMemory is an error, too. An error
	// says what the rule is and what to write instead; it need not name the flag.
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
		return 0, errors.New("more than any machine has")
	case err != nil:
		return 0, errors.New("not a size: write a whole number and b, k, m or g, such as 50m")
	case n<<shift < leastMemory:
		return 0, errors.New("too little to start anything in: 6m is the least")
	}
	return int64(n << shift), nil
	// end
}

// parseCPU reads how many processors: 0.5 is half of one. The result is the quota.
func parseCPU(text string) (int64, error) {
	// homework: cpu
	// TODO: strconv.ParseFloat reads "NaN" and "Inf" too, and no comparison with NaN is true.
	// The least is leastCPU, the most mostCPU; the quota is that part of the period.
	cpus, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a number of processors: write one such as 0.5 or 2")
	}
	if cpus < leastCPU || cpus > mostCPU {
		return 0, fmt.Errorf("the number of processors is from %v to %d, such as 0.5", leastCPU, mostCPU)
	}
	return int64(math.Round(cpus * period)), nil
	// end
}

// parsePids reads a number of processes.
func parsePids(text string) (int64, error) {
	// homework: limits
	// TODO: A whole number from leastPids to mostPids.
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a number of processes: write a whole one, such as 100")
	}
	if n < leastPids || n > mostPids {
		return 0, fmt.Errorf("the number of processes is from %d to %d (process 1, mydocker's own, has threads, and these count); without the flag there is no limit", leastPids, mostPids)
	}
	return n, nil
	// end
}

// A file is one write(2) into a group: which file, and what.
type file struct{ name, value string }

// files renders the limits. A controller's files begin with its name.
func (l Limits) files() ([]file, error) {
	// homework: limits
	// TODO: A file for each limit that is not zero: memory.max and pids.max, in digits.
	// cpuMax has the line for cpu.max. With memory.max goes a memory.swap.max of 0: else
	// what is over the limit would be put on the disk, and not be over it any more.
	var list []file
	if l.PidsMax != 0 {
		list = append(list, file{"pids.max", strconv.FormatInt(l.PidsMax, 10)})
	}
	if l.CPUQuota != 0 {
		line, err := cpuMax(l.CPUQuota)
		if err != nil {
			return nil, err
		}
		list = append(list, file{"cpu.max", line})
	}
	if l.MemoryMax != 0 {
		list = append(list, file{"memory.swap.max", "0"}, file{"memory.max", strconv.FormatInt(l.MemoryMax, 10)})
	}
	return list, nil
	// end
}

// cpuMax renders a quota for cpu.max: how much in how long a period.
func cpuMax(quota int64) (string, error) {
	// homework: cpu
	// TODO: Two numbers of microseconds, and a blank between them.
	return fmt.Sprintf("%d %d", quota, period), nil
	// end
}

// size writes bytes as docker does: 50MiB.
func size(n int64) string {
	value, unit := float64(n), 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.4g%s", value, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}
