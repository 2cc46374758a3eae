package main

import (
	"fmt"
	"time"

	"mydocker.example/shared/proof"
)

// oom: an eater, a limit, and what the kernel writes down about it.
var oom = proof.Proof{
	ID: "oom",
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "small")
		if err != nil {
			return err
		}
		defer g.remove()
		if err := tell(r, g, "memory.max", fmt.Sprint(50*megabyte)); err != nil {
			return err
		}
		eater, err := start(g, "eater")
		if err != nil {
			return err
		}
		defer eater.kill()
		r.Sawf("thirty", "eat 30M: it lives", "%v", eater.eatMore(30))
		n, err := g.number("memory.current")
		if err != nil {
			return err
		}
		r.Sawf("current", "cat small/memory.current", "%d", n)
		r.Sawf("sixty", "eat 30M more: it lives", "%v", eater.eatMore(30))
		r.Saw("ending", "wait4(eater)", eater.end())
		for _, field := range []string{"max", "oom", "oom_kill"} {
			if err := showField(r, field, g, "memory.events", field); err != nil {
				return err
			}
		}
		if err := show(r, "peak", g, "memory.peak"); err != nil {
			return err
		}
		_, err = groupOf(1)
		r.Saw("init", "and process 1 lives", answer(err))
		return err
	},
	Judge: func(s *proof.Seen) {
		s.Equal("thirty", "true")
		s.Check(s.Int("current") >= 30*megabyte, "30M were eaten, and %d are charged", s.Int("current"))
		s.Equal("sixty", "false")
		s.Equal("ending", "SIGKILL")
		s.Check(s.Int("max") > 0, "the limit was never met")
		s.Check(s.Int("oom") > 0, "no OOM in memory.events")
		s.Equal("oom_kill", "1")
		s.Check(s.Int("peak") <= 51*megabyte, "the peak is above the limit: %d", s.Int("peak")) // a few pages may be
	},
}

// oomGroup: half of a program is often worse than none.
var oomGroup = proof.Proof{
	ID: "oom-group",
	Guest: func(r *proof.Report) error {
		for _, together := range []string{"0", "1"} {
			if err := oomOfTwo(r, together); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("eater-0", "SIGKILL")
		s.Equal("sibling-0", "exit 0")
		s.Equal("kills-0", "1")
		s.Equal("group-0", "0")
		s.Equal("eater-1", "SIGKILL")
		s.Equal("sibling-1", "SIGKILL")
		s.Check(s.Int("kills-1") >= 2, "oom_kill is %d", s.Int("kills-1")) // the victim may be counted twice
		s.Equal("group-1", "1")
	},
}

// oomOfTwo has one of two processes of a group go over the limit.
func oomOfTwo(r *proof.Report, together string) error {
	g, err := newGroup(top, "pair")
	if err != nil {
		return err
	}
	defer g.remove()
	if err := g.set("memory.max", fmt.Sprint(40*megabyte)); err != nil {
		return err
	}
	if err := tell(r, g, "memory.oom.group", together); err != nil {
		return err
	}
	sibling, err := startShell(g, "read -r _; exit 0")
	if err != nil {
		return err
	}
	defer sibling.kill()
	eater, err := start(g, "eater")
	if err != nil {
		return err
	}
	defer eater.kill()
	eater.eatMore(60)
	r.Saw("eater-"+together, "the eater of 60M, limit 40M", eater.end())
	if together == "1" {
		r.Saw("sibling-1", "its sibling, which ate nothing", ending(sibling.cmd)) // by itself, or never
	} else {
		r.Saw("sibling-0", "its sibling, which ate nothing, when its input ends", sibling.end())
	}
	if err := showField(r, "kills-"+together, g, "memory.events", "oom_kill"); err != nil {
		return err
	}
	return showField(r, "group-"+together, g, "memory.events", "oom_group_kill")
}

// highMark: memory.high slows down, and kills nobody.
var highMark = proof.Proof{
	ID: "high",
	Guest: func(r *proof.Report) error {
		for _, mark := range []string{"max", fmt.Sprint(30 * megabyte)} {
			if err := eatAtMark(r, mark); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("events-1", "0")
		s.Check(s.Int("events-2") > 0, "memory.high was never passed")
		s.Equal("kills-2", "0")
		s.Equal("alive-2", "true")
		s.Check(s.Int("ms-2") > 2*s.Int("ms-1"), "%d ms with memory.high, %d without: nobody was slowed down", s.Int("ms-2"), s.Int("ms-1"))
	},
}

var (
	marks    int
	unmarked time.Duration // how long it takes without a mark
)

// eatAtMark measures how long an eater takes, with a mark at which it is slowed down. Once it
// is over the mark it sleeps, two seconds at most for each piece; we do not wait for the end.
func eatAtMark(r *proof.Report, mark string) error {
	marks++
	key := func(name string) string { return fmt.Sprintf("%s-%d", name, marks) }
	g, err := newGroup(top, "slow")
	if err != nil {
		return err
	}
	defer g.remove()
	if err := tell(r, g, "memory.high", mark); err != nil {
		return err
	}
	eater, err := start(g, "eater")
	if err != nil {
		return err
	}
	defer eater.kill()
	eater.eatMore(1) // it has started
	begin, patience := time.Now(), max(3*time.Second, 3*unmarked)
	eaten := make(chan bool, 1)
	go func() { eaten <- eater.eatMore(40) }()
	question := "eat 40M, ms"
	alive := true
	select {
	case alive = <-eaten:
	case <-time.After(patience):
		question = "eat 40M, not done yet after so many ms"
	}
	if marks == 1 {
		unmarked = time.Since(begin)
	}
	r.Sawf(key("ms"), question, "%d", time.Since(begin).Milliseconds())
	if _, err := groupOf(eater.pid()); err != nil {
		alive = false
	}
	r.Sawf(key("alive"), "the eater lives", "%v", alive)
	if err := showField(r, key("events"), g, "memory.events", "high"); err != nil {
		return err
	}
	return showField(r, key("kills"), g, "memory.events", "oom_kill")
}
