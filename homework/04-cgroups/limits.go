package main

import (
	"fmt"
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
	return 0, todo("limits: parseMemory")
}

// parseCPU reads how many processors: 0.5 is half of one. The result is the quota.
func parseCPU(text string) (int64, error) {
	// homework: cpu
	// TODO: strconv.ParseFloat reads "NaN" and "Inf" too, and no comparison with NaN is true.
	// The least is leastCPU, the most mostCPU; the quota is that part of the period.
	return 0, todo("cpu: parseCPU")
}

// parsePids reads a number of processes.
func parsePids(text string) (int64, error) {
	// homework: limits
	// TODO: A whole number from leastPids to mostPids.
	return 0, todo("limits: parsePids")
}

// A file is one write(2) into a group: which file, and what.
type file struct{ name, value string }

// files renders the limits. A controller's files begin with its name.
func (l Limits) files() ([]file, error) {
	// homework: limits
	// TODO: A file for each limit that is not zero: memory.max and pids.max, in digits.
	// cpuMax has the line for cpu.max. With memory.max goes a memory.swap.max of 0: else
	// what is over the limit would be put on the disk, and not be over it any more.
	return nil, todo("limits: files")
}

// cpuMax renders a quota for cpu.max: how much in how long a period.
func cpuMax(quota int64) (string, error) {
	// homework: cpu
	// TODO: Two numbers of microseconds, and a blank between them.
	return "", todo("cpu: cpuMax")
}

// size writes bytes as docker does: 50MiB.
func size(n int64) string {
	value, unit := float64(n), 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.4g%s", value, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}
