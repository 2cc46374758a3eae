package main

import (
	"errors"
	"os"

	"mydocker.example/shared/proof"
)

// The switches by which a machine refuses user namespaces to whom it does not trust.
const (
	debianSwitch = "/proc/sys/kernel/unprivileged_userns_clone"             // Debian and those after it: 0, 1
	ubuntuSwitch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns" // Ubuntu 23.10 and newer: 0, 1
	limitSwitch  = "/proc/sys/user/max_user_namespaces"                     // every kernel since 4.9: a number
)

// switches throws them, and has a user and root ask.
var switches = proof.Proof{
	ID:        "switches",
	Dangerous: true, // for a moment nobody on this machine gets a user namespace
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		root, err := newActor(nil)
		if err != nil {
			return err
		}
		defer root.end()
		for _, sw := range []struct{ key, path string }{
			{"debian", debianSwitch}, {"ubuntu", ubuntuSwitch}, {"limit", limitSwitch},
		} {
			was, err := os.ReadFile(sw.path)
			if errors.Is(err, os.ErrNotExist) {
				r.Saw(sw.key, "cat "+sw.path, answer(err))
				continue
			}
			if err != nil {
				return err
			}
			r.Saw(sw.key, "cat "+sw.path, plain(string(was)))
			if sw.key == "ubuntu" {
				continue // what it refuses depends on the program: the text tells
			}
			if err := throw(r, sw.key, sw.path, was, s, root); err != nil {
				return err
			}
		}
		r.Saw("after", "both as they were; student: clone(CLONE_NEWUSER)", try(s))
		return nil
	},
	Judge: func(s *proof.Seen) {
		if s.Get("debian") != "ENOENT" {
			s.Equal("debian-student", "EPERM")
			s.Equal("debian-root", "ok")
		}
		s.Equal("limit-student", "ENOSPC")
		s.Equal("limit-root", "ENOSPC")
		s.Equal("after", "ok")
	},
}

// throw sets a switch to 0, asks, and sets it back.
func throw(r *proof.Report, key, path string, was []byte, s, root *actor) error {
	if err := os.WriteFile(path, []byte("0"), 0); err != nil {
		return err
	}
	defer os.WriteFile(path, was, 0)
	r.Saw(key+"-student", "echo 0 >"+path+"; student: clone(CLONE_NEWUSER)", try(s))
	r.Saw(key+"-root", "root: the same", try(root))
	return nil
}

// try has an actor make a child in a user namespace.
func try(a *actor) string {
	reply := a.ask("clone", "user")
	if number(reply) > 0 {
		return "ok"
	}
	return reply
}
