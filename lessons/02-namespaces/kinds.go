package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// A kind of namespace: how clone(2) calls it, how /proc/PID/ns does.
type kind struct {
	flag uintptr
	name string // of the flag
	link string // in /proc/PID/ns
}

// all is every kind that Linux has, in the order in which they came: 2002 to 2020.
var all = []kind{
	{unix.CLONE_NEWNS, "CLONE_NEWNS", "mnt"}, // the first; nobody thought of a second
	{unix.CLONE_NEWUTS, "CLONE_NEWUTS", "uts"},
	{unix.CLONE_NEWIPC, "CLONE_NEWIPC", "ipc"},
	{unix.CLONE_NEWPID, "CLONE_NEWPID", "pid"},
	{unix.CLONE_NEWNET, "CLONE_NEWNET", "net"},
	{unix.CLONE_NEWUSER, "CLONE_NEWUSER", "user"},
	{unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP", "cgroup"},
	{unix.CLONE_NEWTIME, "CLONE_NEWTIME", "time"},
}

// kinds clones a process without a flag, then once with each of the eight.
var kinds = proof.Proof{
	ID: "kinds",
	Guest: func(r *proof.Report) error {
		plain, err := cloned(0)
		if err != nil {
			return err
		}
		defer plain.end()
		ours, err := namespace(os.Getpid(), "uts")
		if err != nil {
			return err
		}
		theirs, err := namespace(plain.pid(), "uts")
		if err != nil {
			return err
		}
		r.Saw("ours", "readlink /proc/self/ns/uts", ours)
		r.Saw("theirs", fmt.Sprintf("readlink /proc/%d/ns/uts, a child", plain.pid()), theirs)
		differ, err := differences(os.Getpid(), plain.pid())
		if err != nil {
			return err
		}
		r.Saw("plain", "cloned with no flag; namespaces that differ from ours", differ)

		for _, k := range all {
			cat, err := cloned(k.flag)
			if err != nil {
				return fmt.Errorf("clone(%s): %w", k.name, err)
			}
			differ, err := differences(os.Getpid(), cat.pid())
			cat.end()
			if err != nil {
				return err
			}
			r.Saw(k.link, "cloned with "+k.name, differ)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Same("ours", "theirs")
		s.Equal("plain", "(none)")
		for _, k := range all {
			s.Equal(k.link, k.link) // this one, and no other
		}
	},
}

// differences names the kinds in which two processes are in different namespaces.
func differences(a, b int) (string, error) {
	var differ []string
	for _, k := range all {
		x, err := namespace(a, k.link)
		if err != nil {
			return "", err
		}
		y, err := namespace(b, k.link)
		if err != nil {
			return "", err
		}
		if x != y {
			differ = append(differ, k.link)
		}
	}
	if len(differ) == 0 {
		return "(none)", nil
	}
	return strings.Join(differ, " "), nil
}
