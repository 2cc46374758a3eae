package main

import (
	"fmt"
	"strings"

	"mydocker.example/shared/proof"
)

// tooLate: the program runs, the map is still to be written, and the capability to write it
// is gone.
var tooLate = proof.Proof{
	ID: "too-late",
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		me := strings.Fields(s.ask("ids"))[0]
		// clone(2) gives the child every capability; the execve(2) that follows in the same
		// cmd.Start takes them: its user id is not 0, it is nothing at all.
		if _, err := s.clone("user"); err != nil {
			return err
		}
		r.Saw("caps", "clone(CLONE_NEWUSER), execve(2); inside: grep CapEff /proc/self/status", s.child("capeff"))
		r.Saw("setgroups", "inside: echo deny >/proc/self/setgroups", s.child("write", "/proc/self/setgroups", "deny"))
		r.Saw("uid_map", "inside: echo 0 "+me+" 1 >/proc/self/uid_map", s.child("write", "/proc/self/uid_map", "0 "+me+" 1"))
		r.Saw("setuid", "inside: setuid(0)", s.child("setuid", "0"))
		r.Saw("sethostname", "inside: unshare(CLONE_NEWUTS)", s.child("unshare", "uts"))
		// And a Go program that already runs cannot do it to itself at all.
		r.Saw("threads", "student: unshare(CLONE_NEWUSER) in a program with threads", s.ask("unshare-a-user"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("caps", "0000000000000000")
		s.Equal("setgroups", "EACCES")
		s.Equal("uid_map", "EPERM")
		s.Equal("setuid", "EINVAL")
		s.Equal("sethostname", "EPERM")
		s.Equal("threads", "EINVAL")
	},
}

// inTime: the two ways that work.
var inTime = proof.Proof{
	ID: "in-time",
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		me := strings.Fields(s.ask("ids"))[0]

		// One: the parent writes between the child's clone(2) and its execve(2).
		if _, err := s.clone("user,uts", "0 "+me+" 1"); err != nil {
			return err
		}
		caps := s.child("capeff")
		r.Saw("before", "the map written before execve(2): CapEff", caps)
		r.Sawf("before-full", "every capability?", "%t", full(caps))

		// Two: the child runs and waits, the parent writes, the child executes once more.
		pid, err := s.clone("user,uts")
		if err != nil {
			return err
		}
		for _, w := range []struct{ file, text string }{
			{"setgroups", "deny"}, {"uid_map", "0 " + me + " 1"}, {"gid_map", "0 " + me + " 1"},
		} {
			path := fmt.Sprintf("/proc/%d/%s", pid, w.file)
			r.Saw(w.file, fmt.Sprintf("the parent: echo %s >%s", w.text, path), s.ask("write", path, w.text))
		}
		r.Saw("waiting", "the child, which waited: getuid(2), getgid(2)", s.child("ids"))
		r.Saw("waiting-caps", "the child: CapEff", s.child("capeff"))
		r.Saw("exec", "the child: execve(2) of itself", s.child("exec-again"))
		caps = s.child("capeff")
		r.Saw("after", "the child: CapEff", caps)
		r.Sawf("after-full", "every capability?", "%t", full(caps))
		r.Saw("hostname", "the child: sethostname(\"mine\")", s.child("sethostname", "mine"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("before-full", "true")
		for _, file := range []string{"setgroups", "uid_map", "gid_map"} {
			s.Equal(file, "ok")
		}
		s.Equal("waiting", "0 0")
		s.Equal("waiting-caps", "0000000000000000")
		s.Equal("exec", "ok")
		s.Equal("after-full", "true")
		s.Equal("hostname", "ok")
	},
}
