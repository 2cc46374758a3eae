package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"mydocker.example/shared/proof"
	"mydocker.example/vm"
)

// What the neighbours of a crash are left with: in containers, and in machines.

// alarm is made by the host in the lab when it has seen enough: what the proof has reported
// is then on this side of the wall.
const alarm = "/run/conclusion-alarm"

// bootIDFile names a kernel that runs (random(4); lesson 00).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// oneKernel has a privileged cell bring down the kernel that it shares with two others.
var oneKernel = proof.Proof{
	ID: "one-kernel", MayDie: true,
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		c.Command = []string{"/bin/sh", "-c", "echo up; cat"}
		for _, name := range []string{"first", "second"} {
			neighbour, err := c.start()
			if err != nil {
				return err
			}
			defer neighbour.end()
			r.Saw(name, "the "+name+" neighbour, a cell", neighbour.said)
		}
		if err := c.saw(r, "default", "a cell", "echo c >/proc/sysrq-trigger"); err != nil {
			return err
		}
		r.Saw("ready", "the lab lives, with both neighbours", "ok")
		if !r.Eventually(20*time.Second, func() bool { _, err := os.Stat(alarm); return err == nil }) {
			return errors.New("nobody on the host watches")
		}
		c.Privileged = true
		return c.saw(r, "privileged", "--privileged", "echo c >/proc/sysrq-trigger")
	},
	Watch: func(w *proof.Watch) {
		if _, ok := w.Wait("ready", 20*time.Second); !ok {
			return
		}
		_, ok := w.Answers(20*time.Second, "true")
		w.Sawf("answers-before", "this machine: does the lab answer?", "%v", ok)
		w.Saw("order", "--privileged: echo c >/proc/sysrq-trigger", "now")
		w.Answers(20*time.Second, "touch", alarm)
		begin, ok := time.Now(), true
		for ok && time.Since(begin) < time.Minute {
			_, ok = w.Answers(5*time.Second, "true")
		}
		w.Sawf("answers-after", "this machine: does the lab answer, or anybody in it?", "%v", ok)
	},
	Judge: func(s *proof.Seen) {
		s.Equal("first", "up")
		s.Equal("second", "up")
		s.Check(strings.Contains(s.Get("default"), "Read-only file system"), "an ordinary cell may do it: %s", s.Get("default"))
		s.Equal("answers-before", "true")
		s.Equal("answers-after", "false")
		s.Check(s.Died(), "the lab lives")
		s.Check(strings.Contains(s.Console(), "Kernel panic"), "the lab died of something else: %s", s.Console())
	},
}

// twoMachines has one of two machines crash its kernel.
var twoMachines = proof.Proof{
	ID: "two-machines", Host: true, Timeout: 2 * time.Minute,
	Guest: func(r *proof.Report) error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		before, err := os.ReadFile(bootIDFile)
		if err != nil {
			return err
		}
		r.Saw("here-before", "this machine: cat "+bootIDFile, strings.TrimSpace(string(before)))
		var guests []*vm.Guest
		for _, name := range []string{"first", "second"} {
			g, err := vm.Start(ctx, vm.Options{})
			if err != nil {
				return err
			}
			defer g.Close()
			guests = append(guests, g)
			said, err := inGuest(ctx, g, "hostname "+name+" && hostname")
			if err != nil {
				return err
			}
			r.Saw(name, fmt.Sprintf("the %s machine, QEMU %d", name, g.PID()), said)
		}
		_, err = inGuest(ctx, guests[0], "echo c >/proc/sysrq-trigger")
		r.Sawf("died", "the first machine: echo c >/proc/sysrq-trigger; it died", "%v", errors.Is(err, vm.ErrDied))
		r.Saw("console", "its console", panicLine(guests[0].Console()))

		said, err := inGuest(ctx, guests[1], "hostname")
		if err != nil {
			said = err.Error()
		}
		r.Saw("second-after", "the second machine: hostname", said)
		after, err := os.ReadFile(bootIDFile)
		if err != nil {
			return err
		}
		r.Saw("here-after", "this machine: cat "+bootIDFile, strings.TrimSpace(string(after)))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("first", "first")
		s.Equal("second", "second")
		s.Equal("died", "true")
		s.Equal("console", "Kernel panic - not syncing: sysrq triggered crash")
		s.Equal("second-after", "second")
		s.Same("here-after", "here-before")
	},
}

// inGuest runs a line of shell in a machine.
func inGuest(ctx context.Context, g *vm.Guest, script string) (string, error) {
	var out bytes.Buffer
	_, err := g.Run(ctx, vm.Cmd{Argv: []string{"sh", "-c", script}, Stdout: &out, Stderr: &out})
	return strings.TrimSpace(out.String()), err
}

// panicLine is the line of a console with the kernel's last words.
func panicLine(console string) string {
	for line := range strings.Lines(console) {
		if _, words, ok := strings.Cut(line, "Kernel panic"); ok {
			return strings.TrimSpace("Kernel panic" + words)
		}
	}
	return "no panic"
}
