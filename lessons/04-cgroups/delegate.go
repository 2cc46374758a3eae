package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"mydocker.example/shared/proof"
)

// delegated: an ordinary user rules over what was handed to it, and over nothing above.
var delegated = proof.Proof{
	ID:   "delegated",
	User: "student",
	Guest: func(r *proof.Report) error {
		const mine = group(top + "/student")
		r.Sawf("uid", "id -u", "%d", os.Getuid())
		if err := sawGroup(r, "where", "we", os.Getpid()); err != nil {
			return err
		}
		for _, file := range []string{".", "cgroup.procs", "memory.max"} {
			info, err := os.Stat(string(mine) + "/" + file)
			if err != nil {
				return err
			}
			r.Saw("owner-"+file, "stat -c %U "+path.Join("student", file), ownerOf(info))
		}
		g, err := newGroup(mine, "job")
		r.Saw("mkdir", "mkdir student/job", answer(err))
		if err != nil {
			return err
		}
		defer g.remove()
		try := func(key string, g group, file, value string) {
			r.Saw(key, fmt.Sprintf("echo %s >%s/%s", value, strings.TrimPrefix(string(g), top+"/"), file), answer(g.set(file, value)))
		}
		try("limit", g, "memory.max", fmt.Sprint(30*megabyte))
		eater, err := start(g, "eater")
		r.Saw("born", "clone3(CLONE_INTO_CGROUP student/job)", answer(err))
		if err != nil {
			return err
		}
		defer eater.kill()
		r.Sawf("eats", "eat 40M: it lives", "%v", eater.eatMore(40))
		r.Saw("ending", "wait4(eater)", eater.end())

		try("raise", mine, "memory.max", "max")
		try("foreign", g, "cgroup.procs", "1")
		shell, err := startShell(g, "read -r _")
		if err != nil {
			return err
		}
		defer shell.end()
		try("escape", group(top), "cgroup.procs", fmt.Sprint(shell.pid()))
		try("inside", mine+"/session", "cgroup.procs", fmt.Sprint(shell.pid()))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(s.Int("uid") != 0, "this ran as root")
		s.Equal("where", "0::/student/session")
		s.Equal("owner-.", "student")
		s.Equal("owner-cgroup.procs", "student")
		s.Equal("owner-memory.max", "root")
		s.Equal("mkdir", "ok")
		s.Equal("limit", "ok")
		s.Equal("born", "ok")
		s.Equal("ending", "SIGKILL")
		s.Equal("raise", "EACCES")
		s.Equal("foreign", "EACCES")
		s.Equal("escape", "EACCES")
		s.Equal("inside", "ok")
	},
}
