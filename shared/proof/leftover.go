package proof

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// markEnv marks whatever the proof starts, so that it is known even when it is no longer
// a descendant.
const markEnv = "COURSE_MARK"

// mark is this process's PID and the moment: nothing else carries it.
func mark() string { return fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano()) }

const (
	leftoverGrace = 300 * time.Millisecond // for what the proof killed a moment ago
	killGrace     = 600 * time.Millisecond // for what was killed here
)

// killLeftovers ends and reaps every process that the proof has started and not ended, and
// returns their names. What ended meanwhile and waits to be reaped is none of them.
// grace is how long they may take to end by themselves.
func killLeftovers(grace time.Duration) []string {
	var left []string
	deadline := time.Now().Add(grace * time.Duration(scale()))
	for {
		reap()
		alive := leftovers("/proc", os.Getpid(), os.Getenv(markEnv))
		if len(alive) == 0 {
			return left
		}
		if time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if left != nil && time.Now().After(deadline.Add(killGrace*time.Duration(scale()))) {
			return left // unkillable: the guest's end will be theirs
		}
		first := left == nil
		for _, p := range alive {
			if first {
				left = append(left, fmt.Sprintf("%s(%d)", p.name, p.pid))
			}
			unix.Kill(p.pid, unix.SIGKILL) // ESRCH: gone by itself
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reap collects every child that has ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			return
		}
	}
}

// A process is one folder of /proc.
type process struct {
	pid, parent int
	name        string
}

// leftovers lists, in the order of their PIDs, the living descendants of root and all
// processes that carry its mark. proc is where procfs is mounted.
func leftovers(proc string, root int, mark string) []process {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	children := map[int][]process{}
	found := map[int]process{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == root {
			continue
		}
		p, alive := readProcess(proc, pid)
		if !alive {
			continue
		}
		children[p.parent] = append(children[p.parent], p)
		environ, err := os.ReadFile(fmt.Sprintf("%s/%d/environ", proc, pid))
		if err == nil && mark != "" && bytes.Contains(environ, []byte(markEnv+"="+mark)) {
			found[pid] = p
		}
	}
	for parents := []int{root}; len(parents) > 0; parents = parents[1:] {
		for _, p := range children[parents[0]] {
			found[p.pid] = p
			parents = append(parents, p.pid)
		}
	}
	list := make([]process, 0, len(found))
	for _, p := range found {
		list = append(list, p)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].pid < list[j].pid })
	return list
}

// readProcess reads /proc/PID/stat (proc_pid_stat(5)); a zombie counts as gone.
func readProcess(proc string, pid int) (p process, alive bool) {
	stat, err := os.ReadFile(fmt.Sprintf("%s/%d/stat", proc, pid))
	if err != nil {
		return p, false
	}
	text := string(stat)
	open, shut := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')') // a name may hold both
	if open < 0 || shut < open {
		return p, false
	}
	fields := strings.Fields(text[shut+1:])
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return p, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid: pid, parent: parent, name: text[open+1 : shut]}, err == nil
}
