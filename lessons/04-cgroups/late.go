package main

import (
	"fmt"
	"strconv"
	"strings"

	"mydocker.example/shared/proof"
)

// startThenMove: what a process has taken before it is moved stays on the old bill, and whom
// it has started before it is moved stays where they are.
var startThenMove = proof.Proof{
	ID: "start-then-move",
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "box")
		if err != nil {
			return err
		}
		defer g.remove()
		if err := tell(r, g, "memory.max", fmt.Sprint(20*megabyte)); err != nil {
			return err
		}
		if err := moved(r, g); err != nil {
			return err
		}
		return born(r, g)
	},
	Judge: func(s *proof.Seen) {
		s.Equal("where", "0::/box")
		s.Equal("alive", "true")
		s.Check(s.Int("rss") >= 60*1024, "the process holds %d kB", s.Int("rss"))
		s.Check(s.Int("current") < 20*megabyte, "%d bytes went along", s.Int("current"))
		s.Check(s.Get("child") != "0::/box", "the child was moved too")
		s.Equal("kills-moved", "0")
		s.Equal("born-eats", "false")
		s.Equal("born-ending", "SIGKILL")
		s.Equal("kills-born", "1")
	},
}

// moved: start, then move. In between the process was quick.
func moved(r *proof.Report, g group) error {
	r.Note("Start, then move:", "Запустить, потом перенести:")
	eater, err := start("", "eater")
	if err != nil {
		return err
	}
	defer eater.end()
	r.Sawf("", "eat 60M: it lives", "%v", eater.eatMore(60))
	word, err := eater.ask("fork")
	if err != nil {
		return err
	}
	child, err := strconv.Atoi(strings.TrimSpace(word))
	if err != nil {
		return err
	}
	if err := tell(r, g, "cgroup.procs", fmt.Sprint(eater.pid())); err != nil {
		return err
	}
	if err := sawGroup(r, "where", "the eater", eater.pid()); err != nil {
		return err
	}
	if err := show(r, "current", g, "memory.current"); err != nil {
		return err
	}
	rss, err := residentKB(eater.pid())
	if err != nil {
		return err
	}
	r.Sawf("rss", fmt.Sprintf("grep VmRSS /proc/%d/status, kB", eater.pid()), "%d", rss)
	r.Sawf("alive", "eat 1M: it lives", "%v", eater.eatMore(1))
	if err := showField(r, "kills-moved", g, "memory.events", "oom_kill"); err != nil {
		return err
	}
	return sawGroup(r, "child", "its child, started before", child)
}

// born: the same program, in the group from its first instruction on.
func born(r *proof.Report, g group) error {
	r.Note("Born there, by CLONE_INTO_CGROUP:", "Родиться на месте, с CLONE_INTO_CGROUP:")
	eater, err := start(g, "eater")
	if err != nil {
		return err
	}
	defer eater.kill()
	if err := sawGroup(r, "", "the eater", eater.pid()); err != nil {
		return err
	}
	r.Sawf("born-eats", "eat 60M: it lives", "%v", eater.eatMore(60))
	r.Saw("born-ending", "wait4(eater)", eater.end())
	return showField(r, "kills-born", g, "memory.events", "oom_kill")
}
