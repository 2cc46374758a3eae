package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// twoNumbers asks one process for its number from two sides.
var twoNumbers = proof.Proof{
	ID: "two-numbers",
	Guest: func(r *proof.Report) error {
		// The shell says getpid(2) and getppid(2), and becomes a cat.
		cmd := exec.Command("sh", "-c", "echo $$; echo $PPID; exec cat")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		cat, err := spawn(cmd)
		if err != nil {
			return err
		}
		defer cat.end()
		inside, err := cat.line()
		if err != nil {
			return err
		}
		parent, err := cat.line()
		if err != nil {
			return err
		}
		if err := cat.ping(); err != nil {
			return err
		}

		r.Sawf("me", "getpid(2) in the parent", "%d", os.Getpid())
		r.Sawf("outside", "clone(2) returned, in the parent", "%d", cat.pid())
		r.Saw("inside", "getpid(2) in the child", inside)
		r.Saw("ppid-inside", "getppid(2) in the child", parent)
		ppid, err := parentOf(cat.pid())
		if err != nil {
			return err
		}
		r.Saw("ppid-outside", fmt.Sprintf("grep PPid /proc/%d/status, in the parent", cat.pid()), ppid)
		nspid, err := numbersOf(cat.pid())
		if err != nil {
			return err
		}
		r.Saw("nspid", fmt.Sprintf("grep NSpid /proc/%d/status, in the parent", cat.pid()), nspid)
		levels, err := numbersOf(os.Getpid())
		if err != nil {
			return err
		}
		r.Saw("nspid-me", "grep NSpid /proc/self/status, of the parent", levels)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("inside", "1")
		s.Equal("ppid-inside", "0") // a parent that has no number here
		s.Same("ppid-outside", "me")
		s.Differ("outside", "inside")
		nspid := strings.Fields(s.Get("nspid"))
		s.Check(len(nspid) >= 2 && nspid[0] == s.Get("outside") && nspid[len(nspid)-1] == "1",
			"NSpid %q is not from %s to 1", s.Get("nspid"), s.Get("outside"))
		s.Check(len(nspid) == len(strings.Fields(s.Get("nspid-me")))+1,
			"the child should be one level below us: %q and %q", s.Get("nspid-me"), s.Get("nspid"))
	},
}
