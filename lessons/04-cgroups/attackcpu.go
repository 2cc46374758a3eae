package main

import (
	"fmt"
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
		s.Check(s.Int("percent-1") >= 100, "the attacker got %d%% of a processor only", s.Int("percent-1"))
		s.Check(s.Int("percent-2") <= 30, "the attacker got %d%% of a processor, and 20%% were granted", s.Int("percent-2"))
		s.Check(2*s.Int("quartile-us-1") > 3*s.Int("quartile-us-2"), "a quarter of the pieces took %d µs without the limit and %d with it", s.Int("quartile-us-1"), s.Int("quartile-us-2"))
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
	begin := time.Now()
	before, err := where.field("cpu.stat", "usage_usec")
	if err != nil {
		return err
	}
	alone := len(latencies)
	for time.Since(begin) < 1200*time.Millisecond {
		if err := piece(); err != nil {
			return err
		}
	}
	wall := time.Since(begin)
	after, err := where.field("cpu.stat", "usage_usec")
	if err != nil {
		return err
	}
	key := func(name string) string { return fmt.Sprintf("%s-%d", name, halves) }
	r.Sawf(key("percent"), "usage_usec of "+where.name()+"/cpu.stat, with eight hogs, % of a processor", "%d", 100*(time.Duration(after-before)*time.Microsecond)/wall)
	r.Saw("", fmt.Sprintf("the neighbour's latency, %d alone, then with the hogs", alone), chart(latencies))
	// The host has other things to do too, which makes single pieces late: the faster ones count.
	r.Sawf(key("quartile-us"), "with the hogs: a quarter of its pieces took at most, µs", "%d", quartile(latencies[alone:]).Microseconds())
	return nil
}
