package proof

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"mydocker.example/shared/internal/procs"
)

// markEnv marks whatever the proof starts, so that it is known even when it is no longer
// a descendant.
const markEnv = "COURSE_MARK"

// mark is this process's PID and the moment: nothing else carries it.
func mark() string { return fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano()) }

const (
	leftoverGrace = 300 * time.Millisecond // for what the proof ended a moment ago
	killLimit     = time.Second            // for what is killed here
)

// killLeftovers ends and reaps every process that the proof has started and not ended, and
// returns their names. grace is how long they may take to end by themselves.
func killLeftovers(grace time.Duration) []string {
	slow := time.Duration(scale())
	mark := os.Getenv(markEnv)
	var names []string
	for _, p := range procs.End(func() []procs.Process { return leftovers("/proc", os.Getpid(), mark) }, grace*slow, killLimit*slow) {
		names = append(names, p.String())
	}
	return names
}

// leftovers lists the living descendants of root, and whatever else carries its mark. proc
// is where procfs is mounted.
func leftovers(proc string, root int, mark string) []procs.Process {
	all, err := procs.All(proc)
	if err != nil {
		return nil
	}
	found := procs.Descendants(all, root)
	known := map[int]bool{root: true}
	for _, p := range found {
		known[p.PID] = true
	}
	for _, p := range all {
		environ, err := os.ReadFile(fmt.Sprintf("%s/%d/environ", proc, p.PID))
		if err == nil && !known[p.PID] && bytes.Contains(environ, []byte(markEnv+"="+mark)) {
			found = append(found, p)
		}
	}
	return found
}
