package labtest

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"mydocker.example/shared/internal/procs"
)

// Leaks fails the test at its end when it left mounts, cgroups, network interfaces,
// namespaces or processes behind, and names them. Call it first: what is registered with
// t.Cleanup later runs before the comparison.
func Leaks(t testing.TB) {
	t.Helper()
	// What the test starts and forgets becomes a child of this process, so that it can be
	// told from everybody else's.
	if err := procs.Adopt(); err != nil {
		t.Fatal(err)
	}
	before, err := here.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if lines := settle(here, before); len(lines) > 0 {
			t.Errorf("the test left something behind, or took it away:\n%s", strings.Join(lines, "\n"))
		}
	})
}

// here is this process on this machine.
var here = place{proc: "/proc", cgroup: "/sys/fs/cgroup", pid: os.Getpid()}

// settleLimit is how long the kernel may take to be done: a namespace goes some time after
// its last process, and on a busy machine that is longer.
const settleLimit = 10 * time.Second

// settle compares until there is no difference, or time is up.
func settle(p place, before snapshot) []string {
	for deadline := time.Now().Add(settleLimit); ; time.Sleep(10 * time.Millisecond) {
		after, err := p.snapshot()
		if err != nil {
			return []string{err.Error()}
		}
		lines := difference(before, after)
		if len(lines) == 0 || time.Now().After(deadline) {
			return lines
		}
	}
}

// A snapshot holds, for each kind of thing, what there is, by name; several things may
// bear one name.
type snapshot map[string][]string

// difference names what appeared and what went, sorted by kind.
func difference(before, after snapshot) []string {
	var kinds []string
	for kind := range after {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	var lines []string
	for _, kind := range kinds {
		for _, name := range minus(after[kind], before[kind]) {
			lines = append(lines, fmt.Sprintf("  left: %s %s", kind, name))
		}
		for _, name := range minus(before[kind], after[kind]) {
			lines = append(lines, fmt.Sprintf("  gone: %s %s", kind, name))
		}
	}
	return lines
}

// minus is a without b, as multisets.
func minus(a, b []string) []string {
	count := map[string]int{}
	for _, name := range b {
		count[name]++
	}
	var rest []string
	for _, name := range a {
		if count[name] > 0 {
			count[name]--
		} else {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	return rest
}
