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

func init() { reexec.Register("look-around", lookAround) }

// cgroupNamespace: what a process sees of the tree, without and with a cgroup namespace.
var cgroupNamespace = proof.Proof{
	ID: "cgroup-namespace",
	Guest: func(r *proof.Report) error {
		parent, child, err := twoGroups("mydocker", "7f3a")
		if err != nil {
			return err
		}
		defer parent.remove()
		neighbour, err := newGroup(parent, "c0de")
		if err != nil {
			return err
		}
		other, err := startShell(neighbour, "read -r _")
		if err != nil {
			return err
		}
		defer other.end()

		// The child is put into the group by clone3(2), and calls unshare(2) when it is there: the
		// root of the new namespace is where the caller is.
		for _, scene := range []struct {
			name, what string
			unshare    uintptr
		}{
			{"without", "no cgroup namespace", 0},
			{"with", "then unshare(CLONE_NEWCGROUP)", unix.CLONE_NEWCGROUP},
		} {
			r.Saw("", "clone3(CLONE_INTO_CGROUP mydocker/7f3a)", scene.what)
			cmd := reexec.Command("look-around", fmt.Sprint(other.pid()), scene.name)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: scene.unshare | unix.CLONE_NEWNS}
			out, err := outputIn(cmd, child)
			if err != nil {
				return err
			}
			for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
				key, rest, _ := strings.Cut(line, "\t")
				question, text, _ := strings.Cut(rest, "\t")
				r.Saw(key+"-"+scene.name, question, text)
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("self-without", "0::/mydocker/7f3a")
		s.Equal("other-without", "0::/mydocker/c0de")
		s.Check(strings.Contains(s.Get("ls-without"), "mydocker"), "without the namespace one sees %q", s.Get("ls-without"))
		s.Equal("self-with", "0::/")
		s.Equal("other-with", "0::/../c0de")
		s.Equal("ls-with", "no groups")
	},
}

// lookAround runs in the child, in a mount namespace of its own.
func lookAround() {
	dir := top
	if os.Args[2] == "with" {
		// A cgroup2 mounted now shows the tree of this cgroup namespace (cgroup_namespaces(7)). In
		// the machine's own namespace this mount would do harm: without the word nsdelegate it
		// takes nsdelegate from every other mount of the tree.
		check(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		dir = "/mnt"
		check(unix.Mount("none", dir, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	}
	say := func(key, question, text string) { fmt.Printf("%s\t%s\t%s\n", key, question, text) }
	self, err := groupOf(os.Getpid())
	check(err)
	say("self", "cat /proc/self/cgroup", self)
	text, err := os.ReadFile("/proc/" + os.Args[1] + "/cgroup")
	check(err)
	say("other", "cat /proc/"+os.Args[1]+"/cgroup, the neighbour's", strings.TrimSpace(string(text)))
	entries, err := os.ReadDir(dir)
	check(err)
	names := "no groups"
	for _, entry := range entries {
		if entry.IsDir() {
			names = strings.TrimPrefix(names+" "+entry.Name(), "no groups ")
		}
	}
	say("ls", "groups in "+dir, names)
}

// outputIn runs a command in a group to its end and returns what it printed.
func outputIn(cmd *exec.Cmd, g group) (string, error) {
	dir, err := bornIn(cmd, g)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}
