package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// inherits: where a process is, and where its children are.
var inherits = proof.Proof{
	ID: "inherits",
	Guest: func(r *proof.Report) error {
		g, err := newGroup(top, "jobs")
		if err != nil {
			return err
		}
		defer g.remove()
		files, err := os.ReadDir(string(g))
		if err != nil {
			return err
		}
		r.Sawf("files", "mkdir jobs; ls jobs | wc -l", "%d", len(files))

		// A shell that starts a child when it is told, and says its number.
		shell, err := startShell("", "while read -r _; do cat /proc/self/cgroup; done")
		if err != nil {
			return err
		}
		defer shell.end()
		child, err := startShell("", "while read -r _; do echo; done")
		if err != nil {
			return err
		}
		defer child.end()
		if err := sawGroup(r, "before", "the shell", shell.pid()); err != nil {
			return err
		}
		if err := tell(r, g, "cgroup.procs", fmt.Sprint(shell.pid())); err != nil {
			return err
		}
		if err := sawGroup(r, "after", "the shell", shell.pid()); err != nil {
			return err
		}
		born, err := shell.ask("")
		if err != nil {
			return err
		}
		r.Saw("born", "its child, started now: cat /proc/self/cgroup", strings.TrimSpace(born))
		if err := sawGroup(r, "other", "another process of ours", child.pid()); err != nil {
			return err
		}
		r.Saw("busy", "rmdir jobs, with a process in it", answer(unix.Rmdir(string(g))))
		shell.end()
		r.Saw("gone", "rmdir jobs, without", answer(unix.Rmdir(string(g))))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("files") > 20, "the folder has %d files", s.Int("files"))
		s.Check(s.Get("before") != "0::/jobs", "the shell was there before it was moved")
		s.Equal("after", "0::/jobs")
		s.Equal("born", "0::/jobs")
		s.Same("other", "before")
		s.Equal("busy", "EBUSY")
		s.Equal("gone", "ok")
	},
}

// handedDown: a controller reaches as far down as it is handed on, and a limit above holds
// for all below.
var handedDown = proof.Proof{
	ID: "handed-down",
	Guest: func(r *proof.Report) error {
		parent, child, err := twoGroups("parent", "child")
		if err != nil {
			return err
		}
		defer parent.remove()
		if err := show(r, "has", parent, "cgroup.controllers"); err != nil {
			return err
		}
		if err := show(r, "hands", parent, "cgroup.subtree_control"); err != nil {
			return err
		}
		exists := func(key string) {
			_, err := os.Stat(string(child) + "/pids.max")
			r.Saw(key, "stat parent/child/pids.max", answer(err))
		}
		exists("without")
		if err := tell(r, parent, "cgroup.subtree_control", "+pids"); err != nil {
			return err
		}
		exists("with")

		// The child may write what it likes: the parent's limit holds.
		if err := tell(r, parent, "pids.max", "3"); err != nil {
			return err
		}
		if err := tell(r, child, "pids.max", "1000"); err != nil {
			return err
		}
		held := 0
		for range 5 {
			cat, err := startShell(child, "read -r _")
			if err != nil {
				r.Sawf("refused", fmt.Sprintf("clone3(CLONE_INTO_CGROUP child), the %dth", held+1), "%s", answer(err))
				break
			}
			defer cat.end()
			held++
		}
		r.Sawf("held", "processes in child", "%d", held)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.Contains(" "+s.Get("has")+" ", " pids "), "the parent has no pids controller")
		s.Equal("hands", "")
		s.Equal("without", "ENOENT")
		s.Equal("with", "ok")
		s.Equal("held", "3")
		s.Equal("refused", "EAGAIN")
	},
}

// noInternal: processes, or children with controllers, and not both.
var noInternal = proof.Proof{
	ID: "no-internal",
	Guest: func(r *proof.Report) error {
		parent, child, err := twoGroups("parent", "child")
		if err != nil {
			return err
		}
		defer parent.remove()
		cat, err := startShell(parent, "read -r _")
		if err != nil {
			return err
		}
		defer cat.end()
		pid := fmt.Sprint(cat.pid())
		try := func(key string, g group, file, value string) {
			r.Saw(key, fmt.Sprintf("echo %s >%s/%s", value, g.name(), file), answer(g.set(file, value)))
		}
		r.Saw("", "in parent there is", "PID "+pid)
		try("enable", parent, "cgroup.subtree_control", "+memory")
		try("leave", child, "cgroup.procs", pid)
		try("enable-empty", parent, "cgroup.subtree_control", "+memory")
		try("return", parent, "cgroup.procs", pid)

		// The root alone may have both.
		enabled, err := group(top).get("cgroup.subtree_control")
		if err != nil {
			return err
		}
		r.Saw("root", "cat /sys/fs/cgroup/cgroup.subtree_control", enabled)
		try("root-procs", top, "cgroup.procs", pid)

		// Controllers that can count single threads make a compromise instead.
		other, below, err := twoGroups("other", "below")
		if err != nil {
			return err
		}
		defer other.remove()
		try("", other, "cgroup.procs", pid)
		try("pids", other, "cgroup.subtree_control", "+pids")
		if err := show(r, "type", other, "cgroup.type"); err != nil {
			return err
		}
		if err := show(r, "type-below", below, "cgroup.type"); err != nil {
			return err
		}
		try("below", below, "cgroup.procs", pid)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("enable", "EBUSY")
		s.Equal("leave", "ok")
		s.Equal("enable-empty", "ok")
		s.Equal("return", "EBUSY")
		s.Check(strings.Contains(s.Get("root"), "memory"), "the root does not hand memory down")
		s.Equal("root-procs", "ok")
		s.Equal("pids", "ok")
		s.Equal("type", "domain threaded")
		s.Equal("type-below", "domain invalid")
		s.Equal("below", "EOPNOTSUPP")
	},
}

// twoGroups makes one group and one below it.
func twoGroups(above, below string) (parent, child group, err error) {
	parent, err = newGroup(top, above)
	if err != nil {
		return "", "", err
	}
	child, err = newGroup(parent, below)
	if err != nil {
		parent.remove()
	}
	return parent, child, err
}

// sawGroup reports where a process is.
func sawGroup(r *proof.Report, key, who string, pid int) error {
	path, err := groupOf(pid)
	if err != nil {
		return err
	}
	r.Saw(key, fmt.Sprintf("%s: cat /proc/%d/cgroup", who, pid), path)
	return nil
}
