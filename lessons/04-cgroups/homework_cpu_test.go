package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/grade"
)

// The hog's measure: some 5 s in which it had half of a processor, within a tenth. They are
// looked for: an emulated processor that the host takes away for a while looks busy
// meanwhile, or comes late for a period.
const (
	hogTime = 5 * time.Second
	hogMost = 25 * time.Second
	quota   = 50_000 // µs in each period, for --cpu 0.5
)

// checkCPU: the quota stands in cpu.max, and a hog that is granted half of a processor gets
// that, by the kernel's own account.
func checkCPU(t *grade.T) {
	rootfs := makeRootfs(t)
	for _, asked := range []struct {
		flags []string
		want  float64 // processors; 0: no limit
	}{{[]string{"--cpus", "1.5"}, 1.5}, {[]string{"--cpu", "0.25"}, 0.25}, {[]string{"--pids", "50"}, 0}} {
		p, pid := start(t, ":", append([]string{"--rootfs", rootfs}, asked.flags...)...)
		standsCPU(t, ownGroup(t, pid), asked.flags, asked.want)
		end(p)
	}
	refused(t, rootfs, [][2]string{{"--cpu", "0"}, {"--cpu", "-1"}, {"--cpu", "NaN"}, {"--cpu", "Inf"}, {"--cpu", "half"}})

	p, pid := start(t, "while :; do :; done", "--rootfs", rootfs, "--cpu", "0.5")
	g := ownGroup(t, pid)
	if !t.Eventually(patience, func() bool { return g.field("cpu.stat", "nr_throttled") > 0 }) {
		t.Saw("cat "+string(g)+"/cpu.stat", g.read("cpu.stat"))
		t.Wrong("never-throttled",
			"a loop runs with --cpu 0.5, and the kernel has never stopped it (nr_throttled in cpu.stat). cpu.max of its group is %q.",
			"цикл крутится с --cpu 0.5, а ядро его ни разу не остановило (nr_throttled в cpu.stat). cpu.max его группы: %q.", g.read("cpu.max"))
	}
	held, account := g.held()
	t.Saw("usage_usec, of a processor, and nr_throttled, over 5 s, several times", account)
	if !held {
		t.Saw("cat "+string(g)+"/cpu.max", g.read("cpu.max"))
		t.Wrong("cpu-share",
			"a loop with --cpu 0.5 is to get half of a processor over 5 s, within a tenth; cpu.stat of its group says otherwise: %s",
			"цикл с --cpu 0.5 должен получать за 5 с половину процессора с точностью до одной десятой; cpu.stat его группы говорит иное: %s", account)
	}
	end(p)
}

// A tally is the kernel's account of a group's processor time at one moment.
type tally struct {
	at              time.Time
	used, throttled int64
}

func (g group) tally() tally {
	return tally{time.Now(), g.field("cpu.stat", "usage_usec"), g.field("cpu.stat", "nr_throttled")}
}

// held looks for 5 s in which the hog had what it was granted. On a machine that is so busy
// that it does not even get that, the periods count in which it was stopped: it had its quota
// in each of these, and never more than half altogether.
func (g group) held() (ok bool, account string) {
	var all []tally
	var told []string
	busy := false
	for begin := time.Now(); time.Since(begin) < hogMost; time.Sleep(100 * time.Millisecond) {
		now := g.tally()
		all = append(all, now)
		for len(all) > 1 && now.at.Sub(all[1].at) >= hogTime {
			all = all[1:]
		}
		wall := now.at.Sub(all[0].at)
		if wall < hogTime {
			continue
		}
		used, stopped := now.used-all[0].used, now.throttled-all[0].throttled
		share := float64(used) / float64(wall.Microseconds())
		if share >= 0.45 && share <= 0.55 {
			return true, fmt.Sprintf("%.3f", share)
		}
		busy = busy || share < 0.55 && stopped >= 10 && used >= stopped*quota*9/10
		if len(told) == 0 || now.at.Sub(begin) >= time.Duration(len(told)+1)*hogTime {
			told = append(told, fmt.Sprintf("%.3f (%d)", share, stopped))
		}
	}
	return busy, strings.Join(told, ", ")
}

// standsCPU: the quota is so much of the period, however long the period is.
func standsCPU(t *grade.T, g group, flags []string, want float64) {
	t.Helper()
	text := g.read("cpu.max")
	quota, period, _ := strings.Cut(text, " ")
	if want == 0 && quota == "max" {
		return
	}
	q, err := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if want != 0 && err == nil && err2 == nil && q == want*p {
		return
	}
	call := strings.Join(flags, " ")
	t.Saw("mydocker run "+call+" …; cat "+string(g)+"/cpu.max", text)
	t.Wrong("cpu-limit",
		"mydocker run %s: cpu.max of the container's group is %q. It is a quota and a period in microseconds; `--cpu 0.5` is half of the period, and without the flag the quota is max.",
		"mydocker run %s: cpu.max группы контейнера равен %q. Это квота и период в микросекундах; `--cpu 0.5` — половина периода, а без флага квота max.", call, text)
}

// share is how much of a processor the group uses, over a while.
func (g group) share(over time.Duration) float64 {
	before, begin := g.field("cpu.stat", "usage_usec"), time.Now()
	time.Sleep(over)
	after, wall := g.field("cpu.stat", "usage_usec"), time.Since(begin)
	return float64(after-before) / float64(wall.Microseconds())
}
