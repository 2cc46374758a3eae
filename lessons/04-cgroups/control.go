package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// freeze: all processes of a group stop at once, without a signal, and go on as if nothing
// had been.
var freeze = proof.Proof{
	ID: "freeze",
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "ice")
		if err != nil {
			return err
		}
		defer g.remove()
		hog, err := start(g, "hog")
		if err != nil {
			return err
		}
		defer hog.kill()
		burns := func(key string) error {
			used, wall, err := usage(g, 300*time.Millisecond)
			r.Sawf(key, "usage_usec of ice/cpu.stat, % of a processor", "%d", 100*used/wall)
			return err
		}
		frozen := func(want int64) func() bool {
			return func() bool { n, err := g.field("cgroup.events", "frozen"); return err == nil && n == want }
		}
		time.Sleep(200 * time.Millisecond)
		if err := burns("before"); err != nil {
			return err
		}
		if err := tell(r, g, "cgroup.freeze", "1"); err != nil {
			return err
		}
		if !r.Eventually(5*time.Second, frozen(1)) {
			return fmt.Errorf("the group never froze")
		}
		if err := show(r, "events", g, "cgroup.events"); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond) // cpu.stat is brought up to date with the tick
		if err := burns("during"); err != nil {
			return err
		}
		var status unix.WaitStatus
		pid, err := unix.Wait4(hog.pid(), &status, unix.WNOHANG|unix.WUNTRACED, nil)
		r.Sawf("stopped", "wait4(WUNTRACED): who was stopped", "%d", pid)
		if err != nil {
			return err
		}
		if err := tell(r, g, "cgroup.freeze", "0"); err != nil {
			return err
		}
		if !r.Eventually(5*time.Second, frozen(0)) {
			return fmt.Errorf("the group never thawed")
		}
		if err := burns("after"); err != nil {
			return err
		}
		if err := tell(r, g, "cgroup.freeze", "1"); err != nil {
			return err
		}
		if !r.Eventually(5*time.Second, frozen(1)) {
			return fmt.Errorf("the group never froze again")
		}
		r.Saw("killed", "frozen again: kill(SIGKILL)", answer(unix.Kill(hog.pid(), unix.SIGKILL)))
		r.Saw("ending", "wait4", ending(hog.cmd))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("before") >= 5, "the hog got %d%% before", s.Int("before"))
		s.Equal("events", "populated 1\nfrozen 1")
		s.Equal("during", "0")
		s.Equal("stopped", "0")
		s.Check(s.Int("after") >= 5, "the hog got %d%% after", s.Int("after"))
		s.Equal("ending", "SIGKILL")
	},
}

// killAll: a list of processes to kill is old before it is read; a group is not.
var killAll = proof.Proof{
	ID:        "kill-all",
	Dangerous: true, // should pids.max not hold
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "hydra")
		if err != nil {
			return err
		}
		defer g.remove()
		if err := tell(r, g, "pids.max", "24"); err != nil {
			return err
		}
		cmd := reexec.Command("fork-bomb")
		if err := startIn(cmd, g); err != nil {
			return err
		}
		full := func() bool { n, err := g.number("pids.current"); return err == nil && n >= 20 }
		if !r.Eventually(10*time.Second, full) {
			return fmt.Errorf("the hydra never grew")
		}
		listed, grown := 0, 0
		for pass := 1; pass <= 5 && grown == 0; pass++ {
			var err error
			if listed, grown, err = killListed(g); err != nil {
				return err
			}
			r.Sawf("listed", fmt.Sprintf("pass %d: SIGKILL for each PID in hydra/cgroup.procs", pass), "%d", listed)
			r.Sawf("grown", "then in hydra/cgroup.procs, and not in the list before", "%d", grown)
		}
		if err := tell(r, g, "cgroup.kill", "1"); err != nil {
			return err
		}
		empty := func() bool { n, err := g.field("cgroup.events", "populated"); return err == nil && n == 0 }
		r.Sawf("empty", "hydra/cgroup.events becomes populated 0", "%v", r.Eventually(5*time.Second, empty))
		r.Saw("ending", "wait4(the first head)", ending(cmd))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("listed") > 0, "there was nobody to kill")
		s.Check(s.Int("grown") > 0, "no head grew again")
		s.Equal("empty", "true")
		s.Equal("ending", "SIGKILL")
	},
}
