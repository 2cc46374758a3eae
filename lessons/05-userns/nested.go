package main

import (
	"fmt"
	"os"
	"time"

	"mydocker.example/shared/proof"
)

// nested: one process, a number on each level, and one map for each reader.
var nested = proof.Proof{
	ID: "nested",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		outer, err := mapped(0)
		if err != nil {
			return err
		}
		defer outer.end()
		r.Saw("outer", "outer: cat /proc/self/uid_map", outer.ask("uid_map"))
		pid, err := outer.clone("user", "0 1000 10")
		if err != nil {
			return err
		}
		proc := fmt.Sprintf("/proc/%d/uid_map", pid)
		seen, err := read(proc)
		if err != nil {
			return err
		}
		r.Saw("inner", "inner, made by outer: cat /proc/self/uid_map", outer.child("uid_map"))
		r.Saw("by-host", "the host: cat "+proc, seen)
		file := dir + "/file"
		r.Saw("create", "inner: touch "+file, outer.child("create", file))
		r.Saw("file-inner", "inner: stat -c '%u %g'", outer.child("owner", file))
		r.Saw("file-outer", "outer: stat", outer.ask("owner", file))
		r.Saw("file-host", "the host: stat", owner(file))

		// What the level above has not, it cannot give.
		if pid, err = outer.clone("user"); err != nil {
			return err
		}
		r.Saw("beyond", "outer, root: echo '0 70000 1' >/proc/PID/uid_map of another",
			outer.ask("write", fmt.Sprintf("/proc/%d/uid_map", pid), "0 70000 1"))
		r.Saw("within", "outer, root: echo '0 65535 1' >/proc/PID/uid_map",
			outer.ask("write", fmt.Sprintf("/proc/%d/uid_map", pid), "0 65535 1"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("outer", "0 100000 65536")
		s.Equal("inner", "0 1000 10")
		s.Equal("by-host", "0 101000 10")
		s.Equal("create", "ok")
		s.Equal("file-inner", "0 0")
		s.Equal("file-outer", "1000 1000")
		s.Equal("file-host", "101000 101000")
		s.Equal("beyond", "EPERM")
		s.Equal("within", "ok")
	},
}

// levels: how deep it goes.
var levels = proof.Proof{
	ID:      "levels",
	Timeout: time.Minute, // 34 programs, one after another
	Guest: func(r *proof.Report) error {
		top, err := newActor(nil)
		if err != nil {
			return err
		}
		defer top.end()
		r.Saw("depth", "a user namespace in a user namespace in …: how many, and the answer to one more", top.ask("dig", "0"))
		return nil
	},
	Judge: func(s *proof.Seen) { s.Equal("depth", "33 ENOSPC") },
}
