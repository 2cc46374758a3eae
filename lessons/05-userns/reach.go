package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// capsInside: with every capability, and over what is owned by the namespace, root is root.
var capsInside = proof.Proof{
	ID: "caps-inside",
	Guest: func(r *proof.Report) error {
		in, err := mapped(unix.CLONE_NEWUTS | unix.CLONE_NEWNS | unix.CLONE_NEWPID)
		if err != nil {
			return err
		}
		defer in.end()
		caps := in.ask("capeff")
		r.Saw("caps", "inside: grep CapEff /proc/self/status", caps)
		r.Sawf("full", "every capability?", "%t", full(caps))
		r.Saw("sethostname", "its own UTS namespace: sethostname(\"mine\")", in.ask("sethostname", "mine"))
		r.Saw("private", "its own mount namespace: mount(\"/\", MS_REC|MS_PRIVATE)", in.ask("private"))
		r.Saw("tmpfs", "mount -t tmpfs none /mnt", in.ask("mount", "none", "/mnt", "tmpfs"))
		r.Saw("proc", "its own PID namespace: mount -t proc none /mnt", in.ask("mount", "none", "/mnt", "proc"))
		r.Saw("kinds", "more of them: unshare(CLONE_NEWIPC)", in.ask("unshare", "ipc"))
		r.Saw("setuid", "its own ids: setuid(33)", in.ask("setuid", "33"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("full", "true")
		for _, key := range []string{"sethostname", "private", "tmpfs", "proc", "kinds", "setuid"} {
			s.Equal(key, "ok")
		}
	},
}

// reaches are calls on what is the host's, with no effect where they succeed: each with the
// answer to the host's root, who gets past the question of permission.
var reaches = []struct {
	key, question string
	order         []string
	host, inside  string
}{
	{"sethostname", "the host's UTS namespace: sethostname(2)", []string{"sethostname", "NAME"}, "ok", "EPERM"},
	{"setns", "setns(2) to it", []string{"setns", "UTS"}, "ok", "EACCES"},
	{"module", "the kernel: delete_module(\"no_such\")", []string{"delete_module", "no_such"}, "ENOENT", "EPERM"},
	{"reboot", "the machine: reboot(2) with wrong magic numbers", []string{"reboot"}, "EINVAL", "EPERM"},
	{"squashfs", "a disk: mount -t squashfs /dev/null", []string{"mount", "/dev/null", "DIR", "squashfs"}, "ENOTBLK", "EPERM"},
	{"mknod", "a device: mknod c 1 3", []string{"mknod", "DIR/null"}, "ok", "EPERM"},
	{"kill", "a process of the host: kill(2) with signal 0", []string{"kill-0", "PID"}, "ok", "EPERM"},
	{"priority", "processor time: setpriority(-5)", []string{"setpriority", "-5"}, "ok", "EACCES"},
}

// capsOutside: the same capabilities, over what belongs to somebody else.
var capsOutside = proof.Proof{
	ID: "caps-outside",
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		host, err := newActor(nil)
		if err != nil {
			return err
		}
		defer host.end()
		in, err := mapped(unix.CLONE_NEWNS)
		if err != nil {
			return err
		}
		defer in.end()
		r.Saw("caps-host", "the host's root: CapEff", host.ask("capeff"))
		r.Saw("caps-inside", "root inside: CapEff", in.ask("capeff"))
		fill := strings.NewReplacer("NAME", nodename(), "UTS", fmt.Sprintf("/proc/%d/ns/uts", host.pid),
			"DIR", dir, "PID", fmt.Sprint(host.pid))
		for _, c := range reaches {
			var order []string
			for _, word := range c.order {
				order = append(order, fill.Replace(word))
			}
			// Inside first: a node that the host's root has made would be in the way.
			inside := in.ask(order...)
			r.Saw(c.key+"-host", c.question+": the host's root", host.ask(order...))
			r.Saw(c.key+"-inside", "root inside", inside)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Same("caps-host", "caps-inside")
		for _, c := range reaches {
			s.Equal(c.key+"-host", c.host)
			s.Equal(c.key+"-inside", c.inside)
		}
	},
}

// ownedBy: of two UTS namespaces the one that was made before obeys the host.
var ownedBy = proof.Proof{
	ID: "owned-by",
	Guest: func(r *proof.Report) error {
		// Made by the host's root, in the host's user namespace; then a user namespace in it.
		host, err := newActor(nil)
		if err != nil {
			return err
		}
		defer host.end()
		r.Saw("before", "the host's root: unshare(CLONE_NEWUTS)", host.ask("unshare", "uts"))
		if _, err := host.clone("user", "0 100000 65536"); err != nil {
			return err
		}
		r.Saw("host-user", "the host: readlink /proc/self/ns/user", host.ask("ns-user"))
		r.Saw("user", "clone(CLONE_NEWUSER); inside: readlink /proc/self/ns/user", host.child("ns-user"))
		r.Saw("old-owner", "inside: ioctl(NS_GET_USERNS) on its UTS namespace", host.child("owner-uts"))
		r.Saw("old", "inside: sethostname(\"mine\")", host.child("sethostname", "mine"))
		r.Saw("unshare", "inside: unshare(CLONE_NEWUTS)", host.child("unshare", "uts"))
		r.Saw("new-owner", "inside: the same ioctl", host.child("owner-uts"))
		r.Saw("new", "inside: sethostname(\"mine\")", host.child("sethostname", "mine"))

		// Asked for in one call: the kernel makes the user namespace first.
		if _, err := host.clone("uts,user", "0 100000 65536"); err != nil {
			return err
		}
		r.Saw("both-user", "clone(CLONE_NEWUTS|CLONE_NEWUSER); inside: readlink /proc/self/ns/user", host.child("ns-user"))
		r.Saw("both-owner", "inside: the ioctl", host.child("owner-uts"))
		r.Saw("both", "inside: sethostname(\"mine\")", host.child("sethostname", "mine"))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("before", "ok")
		s.Differ("user", "host-user")
		s.Equal("old-owner", "EPERM") // not even its name is told: it is out of sight
		s.Equal("old", "EPERM")
		s.Equal("unshare", "ok")
		s.Same("new-owner", "user")
		s.Equal("new", "ok")
		s.Same("both-owner", "both-user")
		s.Equal("both", "ok")
	},
}
