package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("ordinary", ordinary) }

// ordinary runs in a child as the user student: it asks for a UTS namespace, once plainly
// and once together with a user namespace, in which it is root.
func ordinary() {
	err := apart(unix.CLONE_NEWUTS, func() error { return nil })
	fmt.Println("plain", answer(err))
	fmt.Println("rename", answer(unix.Sethostname([]byte("mine"))))

	cmd := reexec.Command("named", "mine")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWUTS,
		// Number 0 in there is we out here: lesson 05.
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	cat, err := start(cmd)
	check(err)
	fmt.Println(cat.pid())
	os.Stdin.Read(make([]byte, 1)) // until the proof has looked
	check(cat.end())
}

// owned asks whose a namespace is, and what that decides.
var owned = proof.Proof{
	ID: "owned",
	Guest: func(r *proof.Report) error {
		cmd := reexec.Command("ordinary")
		cmd.Stderr = os.Stderr
		if err := asStudent(cmd); err != nil {
			return err
		}
		student, err := spawn(cmd)
		if err != nil {
			return err
		}
		defer student.end()
		questions := map[string]string{
			"plain":  "student: unshare(CLONE_NEWUTS)",
			"rename": "student: sethostname(\"mine\")",
		}
		pid := 0
		for pid == 0 {
			line, err := student.line()
			if err != nil {
				return err
			}
			if name, said, ok := strings.Cut(line, " "); ok {
				r.Saw(name, questions[name], said)
			} else if _, err := fmt.Sscan(line, &pid); err != nil {
				return err
			}
		}
		// The child is there and is called mine, or it would not be a cat by now.
		if err := inside(pid, []string{"uts"}, func() error {
			r.Saw("mine", "student: clone(CLONE_NEWUSER|CLONE_NEWUTS), sethostname(\"mine\"); uname -n", nodename())
			return nil
		}); err != nil {
			return err
		}

		for _, who := range []struct {
			key string
			pid int
		}{{"ours", os.Getpid()}, {"theirs", pid}} {
			user, err := namespace(who.pid, "user")
			if err != nil {
				return err
			}
			owner, err := ownerOf(who.pid, "uts")
			if err != nil {
				return err
			}
			r.Saw("user-"+who.key, fmt.Sprintf("readlink /proc/%d/ns/user", who.pid), user)
			r.Saw("owner-"+who.key, fmt.Sprintf("ioctl(NS_GET_USERNS) on /proc/%d/ns/uts", who.pid), owner)
		}
		// A plain child of root's has a new UTS namespace and the old owner.
		cat, err := cloned(unix.CLONE_NEWUTS)
		if err != nil {
			return err
		}
		defer cat.end()
		owner, err := ownerOf(cat.pid(), "uts")
		if err != nil {
			return err
		}
		r.Saw("owner-roots", "the same ioctl on a UTS namespace that root made", owner)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("plain", "EPERM")
		s.Equal("rename", "EPERM")
		s.Equal("mine", "mine")
		s.Same("owner-theirs", "user-theirs")
		s.Same("owner-roots", "user-ours")
		s.Differ("owner-ours", "owner-theirs")
	},
}

// ownerOf asks for the user namespace that a namespace belongs to (ioctl_ns(2)).
func ownerOf(pid int, kind string) (string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return "", err
	}
	defer f.Close()
	fd, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		return "", fmt.Errorf("ioctl(NS_GET_USERNS): %w", err)
	}
	defer unix.Close(fd)
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
}
