package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// mapped starts an actor in a user namespace whose ids 0 to 65535 are 100000 to 165535
// outside: numbers that belong to nobody. Made by root, which may map anything.
func mapped(flags uintptr) (*actor, error) {
	lines := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	return newActor(&syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | flags,
		UidMappings: lines, GidMappings: lines,
		GidMappingsEnableSetgroups: true,
		// Who was 0 outside is not in this map. It becomes 0 inside by setuid(2), after the
		// map and before execve(2): see proof 5.3.
		Credential: &syscall.Credential{Uid: 0, Gid: 0},
	})
}

// twoUIDs: one process, 0 inside, somebody else outside.
var twoUIDs = proof.Proof{
	ID: "two-uids",
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		me := strings.Fields(s.ask("ids"))[0]
		r.Saw("student", "student: getuid(2)", me)
		pid, err := s.clone("user", "0 "+me+" 1")
		if err != nil {
			return err
		}
		r.Saw("map", "clone(CLONE_NEWUSER); inside: cat /proc/self/uid_map", s.child("uid_map"))
		r.Saw("inside", "inside: getuid(2), getgid(2)", s.child("ids"))
		caps := s.child("capeff")
		r.Saw("caps", "inside: grep CapEff /proc/self/status", caps)
		r.Sawf("caps-full", "every capability that the kernel knows?", "%t", full(caps))
		r.Saw("outside", fmt.Sprintf("outside: grep Uid /proc/%d/status", pid), uidOf(pid))
		r.Saw("shadow", "inside: cat /etc/shadow", s.child("read", "/etc/shadow"))

		// The same with a number that is nobody's.
		nobody, err := mapped(0)
		if err != nil {
			return err
		}
		defer nobody.end()
		r.Saw("map-nobody", "another, made by root; inside: cat /proc/self/uid_map", nobody.ask("uid_map"))
		r.Saw("inside-nobody", "inside: getuid(2), getgid(2)", nobody.ask("ids"))
		r.Saw("outside-nobody", fmt.Sprintf("outside: grep Uid /proc/%d/status", nobody.pid), uidOf(nobody.pid))
		users, err := os.ReadFile("/etc/passwd")
		if err != nil {
			return err
		}
		r.Sawf("known", "grep -c :100000: /etc/passwd", "%d", strings.Count(string(users), ":100000:"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("inside", "0 0")
		s.Equal("map", "0 "+s.Get("student")+" 1")
		s.Equal("caps-full", "true")
		s.Same("outside", "student")
		s.Check(s.Get("student") != "0", "student is root")
		s.Equal("shadow", "EACCES")
		s.Equal("map-nobody", "0 100000 65536")
		s.Equal("inside-nobody", "0 0")
		s.Equal("outside-nobody", "100000")
		s.Equal("known", "0")
	},
}

// stillRoot: a map gives numbers to people. It turns nobody into somebody else.
var stillRoot = proof.Proof{
	ID: "still-root",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		secret := dir + "/secret"
		if err := os.WriteFile(secret, []byte("of the host's root"), 0o600); err != nil {
			return err
		}
		lines := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
		attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: lines, GidMappings: lines, GidMappingsEnableSetgroups: true}
		for _, half := range []string{"careless", "right"} {
			who := "without setuid(2)"
			if half == "right" {
				attr.Credential = &syscall.Credential{Uid: 0, Gid: 0}
				who = "with setuid(0)"
			}
			in, err := newActor(attr)
			if err != nil {
				return err
			}
			r.Saw(half+"-map", who+"; inside: cat /proc/self/uid_map", in.ask("uid_map"))
			r.Saw(half+"-inside", "inside: getuid(2), getgid(2)", in.ask("ids"))
			r.Saw(half+"-caps", "inside: grep CapEff /proc/self/status", in.ask("capeff"))
			r.Saw(half+"-outside", fmt.Sprintf("outside: grep Uid /proc/%d/status", in.pid), uidOf(in.pid))
			r.Saw(half+"-read", "inside: cat of a file of the host's root, mode 0600", in.ask("read", secret))
			in.end()
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("careless-map", "0 100000 65536")
		s.Equal("careless-inside", "65534 65534")
		s.Equal("careless-caps", "0000000000000000")
		s.Equal("careless-outside", "0")
		s.Equal("careless-read", "of the host's root")
		s.Equal("right-map", "0 100000 65536")
		s.Equal("right-inside", "0 0")
		s.Equal("right-outside", "100000")
		s.Equal("right-read", "EACCES")
	},
}

// overflow: what is shown where there is no number to show.
var overflow = proof.Proof{
	ID: "overflow",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		r.Saw("student", "student: getuid(2), getgid(2)", s.ask("ids"))
		if _, err := s.clone("user"); err != nil {
			return err
		}
		number, err := read("/proc/sys/kernel/overflowuid")
		if err != nil {
			return err
		}
		r.Saw("overflowuid", "cat /proc/sys/kernel/overflowuid", number)
		r.Saw("map", "clone(CLONE_NEWUSER), no map; inside: cat /proc/self/uid_map", s.child("uid_map"))
		r.Saw("inside", "inside: getuid(2), getgid(2)", s.child("ids"))
		r.Saw("root-file", "inside: stat -c '%u %g' /etc/passwd", s.child("owner", "/etc/passwd"))
		// It is shown, and it is not an id that one could become or give away.
		r.Saw("setuid", "inside: setuid("+number+")", s.child("setuid", number))
		r.Saw("create", "inside: touch "+dir+"/file", s.child("create", dir+"/file"))
		r.Saw("file-inside", "inside: stat -c '%u %g' "+dir+"/file", s.child("owner", dir+"/file"))
		r.Saw("file-outside", "outside: the same stat", owner(dir+"/file"))
		r.Saw("chown", "inside: chown "+number+" "+dir+"/file", s.child("chown", dir+"/file", number))
		return nil
	},
	Judge: func(s *proof.Seen) {
		number := s.Get("overflowuid")
		s.Equal("map", "ok") // an empty text
		s.Equal("inside", number+" "+number)
		s.Equal("root-file", number+" "+number)
		s.Equal("setuid", "EINVAL")
		s.Equal("create", "ok")
		s.Equal("file-inside", number+" "+number)
		s.Same("file-outside", "student")
		s.Equal("chown", "EINVAL")
	},
}

// publicDir is a folder in which everybody may make files, for a proof to remove.
func publicDir() (string, error) {
	dir, err := os.MkdirTemp("", "userns-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777)
}
