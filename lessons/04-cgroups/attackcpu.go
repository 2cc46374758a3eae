package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mydocker.example/shared/proof"
)

// dosCPU wants every processor for itself. Nothing of this fails: time is not refused, it is
// only late. So the answer has no errno, and is read from cpu.stat and from the neighbour.
var dosCPU = proof.Proof{
	ID: "dos-cpu",
	Guest: func(r *proof.Report) error {
		for _, limit := range []string{"max 100000", "20000 100000"} {
			if err := starve(r, limit); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(wellFed(s.Int("percent-1"), s.Int("waited-1")), "the attacker got %d%% of a processor only, and the neighbour waited %d%% of its time", s.Int("percent-1"), s.Int("waited-1"))
		s.Check(onDiet(s.Int("percent-2"), s.Int("waited-2")), "the attacker got %d%% of a processor, and 20%% were granted; the neighbour waited %d%% of its time", s.Int("percent-2"), s.Int("waited-2"))
	},
}

// starve has eight hogs in a group and a neighbour outside, who does a fixed piece of work
// again and again.
func starve(r *proof.Report, limit string) error {
	if err := newMachine(r, nil, map[string]string{"cpu.max": limit}); err != nil {
		return err
	}
	defer machine.remove()
	neighbour, err := start(common, "worker")
	if err != nil {
		return err
	}
	defer neighbour.kill()
	var latencies []time.Duration
	piece := func() error {
		begin := time.Now()
		if _, err := neighbour.ask("work"); err != nil {
			return err
		}
		latencies = append(latencies, time.Since(begin))
		return nil
	}
	for range 10 { // alone
		if err := piece(); err != nil {
			return err
		}
	}
	// In a group of its own the attacker would share the processors with the neighbour by
	// weight: that is a mechanism already. Without any, all are in one group.
	where := common
	if halves == 2 {
		where = cell
	}
	for range 8 {
		hog, err := start(where, "hog")
		if err != nil {
			return err
		}
		defer hog.kill()
	}
	alone := len(latencies)
	var percent, waited int64
	// The host has other things to do too: a processor of the lab that it takes away for a while
	// looks busy meanwhile. So there are several tries, and a limit that does not hold fails all.
	for range 6 {
		if percent, waited, err = contest(where, neighbour, piece); err != nil {
			return err
		}
		if halves == 1 && wellFed(percent, waited) || halves == 2 && onDiet(percent, waited) {
			break
		}
	}
	key := func(name string) string { return fmt.Sprintf("%s-%d", name, halves) }
	r.Sawf(key("percent"), "usage_usec of "+where.name()+"/cpu.stat, with eight hogs, % of a processor", "%d", percent)
	r.Saw("", fmt.Sprintf("the neighbour's latency, %d alone, then with the hogs", alone), chart(latencies))
	r.Sawf(key("waited"), "/proc/PID/task/*/schedstat of the neighbour, with the hogs: it waited, % of its time", "%d", waited)
	return nil
}

// What becomes of eight hogs and of their neighbour, who waits for its turn or does not.
func wellFed(percent, waited int64) bool { return percent >= 100 && waited >= 50 }
func onDiet(percent, waited int64) bool  { return percent <= 30 && waited <= 40 }

// contest has the neighbour work for a while, and says what the hogs used, and in how much of
// its time the neighbour was ready and another ran, both in %.
func contest(hogs group, neighbour *actor, piece func() error) (percent, share int64, err error) {
	ran, waited, err := turns(neighbour.pid())
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	before, err := hogs.field("cpu.stat", "usage_usec")
	if err != nil {
		return 0, 0, err
	}
	for time.Since(begin) < 1200*time.Millisecond {
		if err := piece(); err != nil {
			return 0, 0, err
		}
	}
	wall := time.Since(begin)
	after, err := hogs.field("cpu.stat", "usage_usec")
	if err != nil {
		return 0, 0, err
	}
	ranNow, waitedNow, err := turns(neighbour.pid())
	ran, waited = ranNow-ran, waitedNow-waited
	return 100 * (after - before) / wall.Microseconds(), 100 * waited / max(1, ran+waited), err
}

// turns is how long the threads of a process have run, and how long they were ready and had
// to wait for their turn: the first two numbers of schedstat, in ns.
func turns(pid int) (ran, waited int64, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, 0, err
		}
		var r, w int64
		if _, err := fmt.Sscan(string(text), &r, &w); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", path, err)
		}
		ran, waited = ran+r, waited+w
	}
	return ran, waited, nil
}
