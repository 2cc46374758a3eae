package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() {
	reexec.Register("named", named)
	reexec.Register("climbs", climbs)
}

// named runs in a child with a UTS namespace of its own: it names it, and becomes a cat.
func named() {
	check(unix.Sethostname([]byte(os.Args[1])))
	check(unix.Exec("/bin/cat", []string{"cat"}, os.Environ()))
}

// namedCat starts a cat in new namespaces, UTS among them, which have the given host name.
func namedCat(name string, flags uintptr) (*witness, error) {
	cmd := reexec.Command("named", name)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags | unix.CLONE_NEWUTS}
	return start(cmd)
}

// climbs runs in a child inside: descriptor 3 is the PID namespace that its parent lives in.
func climbs() {
	fmt.Println(answer(unix.Setns(3, unix.CLONE_NEWPID)))
}

// enter goes into the namespaces of a process that runs.
var enter = proof.Proof{
	ID: "enter",
	Guest: func(r *proof.Report) error {
		target, err := namedCat("target", unix.CLONE_NEWPID|unix.CLONE_NEWIPC|unix.CLONE_NEWNS)
		if err != nil {
			return err
		}
		defer target.end()

		// A thread goes, the process stays.
		r.Saw("before", "uname -n, before", nodename())
		if err := inside(target.pid(), []string{"uts"}, func() error {
			r.Saw("thread", fmt.Sprintf("setns(/proc/%d/ns/uts); uname -n on this thread", target.pid()), nodename())
			return nil
		}); err != nil {
			return err
		}
		r.Saw("process", "uname -n on another thread of the same process", nodename())

		if err := enterPID(r, target); err != nil {
			return err
		}
		if err := enterAtOnce(r, target); err != nil {
			return err
		}
		return enterShared(r, target)
	},
	Judge: func(s *proof.Seen) {
		s.Equal("thread", "target")
		s.Same("process", "before")
		s.Check(s.Get("before") != "target", "we are called target already")

		s.Same("pid-after", "pid-before")     // the caller does not move …
		s.Same("link-after", "link-before")   //
		s.Same("children-link", "target-pid") // … its children will
		s.Same("child-link", "target-pid")
		s.Check(!strings.HasSuffix(s.Get("child-numbers"), " 1"), "the child is process 1: %q", s.Get("child-numbers"))
		s.Equal("climb", "EINVAL")

		s.Equal("at-once", "(none)")
		s.Equal("mnt", "EINVAL")
		s.Equal("mnt-unshared", "ok")
		s.Equal("user", "EINVAL")
	},
}

// enterPID: the PID namespace is the one kind that the caller cannot enter itself.
func enterPID(r *proof.Report, target *witness) error {
	targetPID, err := namespace(target.pid(), "pid")
	if err != nil {
		return err
	}
	r.Saw("target-pid", fmt.Sprintf("readlink /proc/%d/ns/pid", target.pid()), targetPID)
	ours, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return err
	}
	defer ours.Close()

	return inside(os.Getpid(), nil, func() error {
		look := func(when string) error {
			link, err := os.Readlink("/proc/thread-self/ns/pid")
			if err != nil {
				return err
			}
			r.Sawf("pid-"+when, "getpid(2), "+when, "%d", unix.Getpid())
			r.Saw("link-"+when, "readlink /proc/thread-self/ns/pid, "+when, link)
			return nil
		}
		if err := look("before"); err != nil {
			return err
		}
		if err := join(fmt.Sprintf("/proc/%d/ns/pid", target.pid())); err != nil {
			return err
		}
		if err := look("after"); err != nil {
			return err
		}
		children, err := os.Readlink("/proc/thread-self/ns/pid_for_children")
		if err != nil {
			return err
		}
		r.Saw("children-link", "readlink /proc/thread-self/ns/pid_for_children, after", children)

		child, err := start(exec.Command("cat"))
		if err != nil {
			return err
		}
		defer child.end()
		link, err := namespace(child.pid(), "pid")
		if err != nil {
			return err
		}
		nspid, err := numbersOf(child.pid())
		if err != nil {
			return err
		}
		r.Saw("child-link", fmt.Sprintf("readlink /proc/%d/ns/pid, a child cloned now", child.pid()), link)
		r.Saw("child-numbers", "its NSpid", nspid)

		// There is no way back up, not even for root with the descriptor in hand.
		up := reexec.Command("climbs")
		up.Stderr = os.Stderr
		up.ExtraFiles = []*os.File{ours}
		out, err := up.Output()
		if err != nil {
			return err
		}
		r.Saw("climb", "setns(2) in a child, into the namespace we come from", strings.TrimSpace(string(out)))
		return nil
	})
}

// enterAtOnce: a descriptor of a process stands for all of its namespaces (setns(2)).
func enterAtOnce(r *proof.Report, target *witness) error {
	fd, err := unix.PidfdOpen(target.pid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open(%d): %w", target.pid(), err)
	}
	defer unix.Close(fd)
	return inside(os.Getpid(), nil, func() error {
		const flags = unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWPID | unix.CLONE_NEWNS
		// For the mount namespace: see enterShared.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare(CLONE_FS): %w", err)
		}
		if err := unix.Setns(fd, flags); err != nil {
			return fmt.Errorf("setns(pidfd, CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNS): %w", err)
		}
		child, err := start(exec.Command("cat"))
		if err != nil {
			return err
		}
		defer child.end()
		differ, err := differences(target.pid(), child.pid())
		if err != nil {
			return err
		}
		r.Saw("at-once", "setns(pidfd, four flags); how a child differs from the target", differ)
		return nil
	})
}

// enterShared: what the threads of a process share, one of them cannot take elsewhere.
func enterShared(r *proof.Report, target *witness) error {
	path := fmt.Sprintf("/proc/%d/ns/mnt", target.pid())
	err := inside(target.pid(), []string{"mnt"}, func() error { return nil })
	r.Saw("mnt", "setns("+path+") in a Go program", answer(err))
	err = inside(os.Getpid(), nil, func() error {
		// Root and current folder are of all threads together (clone(2), CLONE_FS).
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare(CLONE_FS): %w", err)
		}
		return join(path)
	})
	r.Saw("mnt-unshared", "unshare(CLONE_FS), and again", answer(err))

	stranger, err := cloned(unix.CLONE_NEWUSER)
	if err != nil {
		return err
	}
	defer stranger.end()
	err = inside(stranger.pid(), []string{"user"}, func() error { return nil })
	r.Saw("user", fmt.Sprintf("setns(/proc/%d/ns/user) in a Go program", stranger.pid()), answer(err))
	return nil
}
