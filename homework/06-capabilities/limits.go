package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

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
}

// parseCPU reads how many processors: 0.5 is half of one. The result is the quota.
func parseCPU(text string) (int64, error) {
	cpus, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a number of processors: write one such as 0.5 or 2")
	}
	if !(cpus >= leastCPU && cpus <= mostCPU) { // in this form NaN is refused, too
		return 0, fmt.Errorf("the number of processors is from %v to %d, such as 0.5", leastCPU, mostCPU)
	}
	return int64(math.Round(cpus * period)), nil
}

// parsePids reads a number of processes.
func parsePids(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a number of processes: write a whole one, such as 100")
	}
	if n < leastPids || n > mostPids {
		return 0, fmt.Errorf("the number of processes is from %d to %d (process 1, mydocker's own, has threads, and these count); without the flag there is no limit", leastPids, mostPids)
	}
	return n, nil
}
