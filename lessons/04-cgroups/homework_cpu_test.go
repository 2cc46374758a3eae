package main_test

import (
	"fmt"
	"strings"
	"time"

	"mydocker.example/shared/grade"
)

// The hog's measure: 5 s, and what is granted within a tenth. An emulated processor that the
// host takes away for a while looks busy meanwhile, and a quota is overrun or missed; so there
// are several tries, and one that holds is enough. What is wrong by a factor stays wrong.
const (
	hogTime = 5 * time.Second
	tries   = 5
)

// checkCPU: a hog that is granted half of a processor gets that, by the kernel's own account.
func checkCPU(t *grade.T) {
	rootfs := makeRootfs(t)
	p, pid := start(t, "while :; do :; done", "--rootfs", rootfs, "--cpu", "0.5")
	g := ownGroup(t, pid)
	if !t.Eventually(patience, func() bool { return g.field("cpu.stat", "nr_throttled") > 0 }) {
		t.Saw("cat "+string(g)+"/cpu.stat", g.read("cpu.stat"))
		t.Wrong("never-throttled",
			"a loop runs with --cpu 0.5, and the kernel has never stopped it (nr_throttled in cpu.stat). cpu.max of its group is %q.",
			"цикл крутится с --cpu 0.5, а ядро его ни разу не остановило (nr_throttled в cpu.stat). cpu.max его группы: %q.", g.read("cpu.max"))
	}
	var shares []string
	for range tries {
		share := g.share(hogTime)
		shares = append(shares, fmt.Sprintf("%.3f", share))
		if share >= 0.45 && share <= 0.55 {
			end(p)
			return
		}
	}
	t.Saw(fmt.Sprintf("usage_usec of %s/cpu.stat, processors over %v, several times", g, hogTime), strings.Join(shares, " "))
	t.Saw("cat "+string(g)+"/cpu.max", g.read("cpu.max"))
	t.Wrong("cpu-share",
		"a loop with --cpu 0.5 is to get half of a processor, within a tenth; cpu.stat of its group says %s",
		"цикл с --cpu 0.5 должен получать половину процессора с точностью до одной десятой; cpu.stat его группы говорит %s", strings.Join(shares, ", "))
}

// share is how much of a processor the group uses, over a while.
func (g group) share(over time.Duration) float64 {
	before, begin := g.field("cpu.stat", "usage_usec"), time.Now()
	time.Sleep(over)
	after, wall := g.field("cpu.stat", "usage_usec"), time.Since(begin)
	return float64(after-before) / float64(wall.Microseconds())
}
