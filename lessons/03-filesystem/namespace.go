package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The mount namespace: a copy of the table. And what the copy is worth while it is joined
// to the original.

// mountInside mounts in a new namespace, and looks at the table outside: once as the copy
// comes, once after it was cut off.
var mountInside = proof.Proof{
	ID: "mount-inside",
	Guest: func(r *proof.Report) error {
		host, err := startMachine(r)
		if err != nil {
			return err
		}
		defer host.end()
		// As on a machine that systemd has booted: every mount is shared.
		if err := host.do(r, "propagation", "/", "shared"); err != nil {
			return err
		}
		container, err := host.clone(unix.CLONE_NEWNS)
		if err != nil {
			return err
		}
		defer container.end()
		if err := sawNamespace(r, "ns-host", "the host", host.pid); err != nil {
			return err
		}
		if err := sawNamespace(r, "ns-container", "the container", container.pid); err != nil {
			return err
		}

		for _, scene := range []string{"copy", "private"} {
			if scene == "private" {
				err := container.do(r, "propagation", "/", scene)
				r.Saw("cut", `the container: mount("/", MS_REC|MS_PRIVATE)`, answer(err))
			}
			r.Note("the container: mount(\"tmpfs\", \"/home\", \"tmpfs\")", "контейнер: mount(\"tmpfs\", \"/home\", \"tmpfs\")")
			if err := container.do(r, "mount-tmpfs", "/home"); err != nil {
				return err
			}
			if err := sawMount(r, scene+"-container", "the container", "/home", container.pid); err != nil {
				return err
			}
			if err := sawMount(r, scene+"-host", "the host", "/home", host.pid); err != nil {
				return err
			}
			if err := container.do(r, "unmount", "/home"); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Differ("ns-host", "ns-container")
		s.Equal("copy-container", "mounted")
		s.Equal("copy-host", "mounted") // a namespace of its own, and it leaks
		s.Equal("cut", "ok")
		s.Equal("private-container", "mounted")
		s.Equal("private-host", "nothing is mounted there")
	},
}

// sawMount reports whether a point has a mount in a process's table.
func sawMount(r *proof.Report, key, who, point string, pid int) error {
	table, err := mountsOf(pid)
	if err != nil {
		return err
	}
	found := "nothing is mounted there"
	if _, ok := mountAt(table, point); ok {
		found = "mounted"
	}
	r.Saw(key, fmt.Sprintf("%s: %s in /proc/%d/mountinfo", who, point, pid), found)
	return nil
}

// propagationTypes are the words of mount(2) for the four.
var propagationTypes = map[string]uintptr{
	"shared":     unix.MS_SHARED,
	"slave":      unix.MS_SLAVE,
	"private":    unix.MS_PRIVATE,
	"unbindable": unix.MS_UNBINDABLE,
}

// setPropagation runs in an actor: mount(2) with such a flag mounts nothing.
func setPropagation(_ say, args []string) error {
	return doMount("", args[0], "", unix.MS_REC|propagationTypes[args[1]], "")
}

// bind runs in an actor: it shows a folder once more in another place.
func bind(_ say, args []string) error {
	if err := os.MkdirAll(args[1], 0o755); err != nil {
		return err
	}
	return doMount(args[0], args[1], "", unix.MS_BIND, "")
}

// propagation takes the four types one after another. For each, the host and the container
// have a mount /media, the container's being the copy that clone(2) made; then each of them
// mounts something below it.
var propagation = proof.Proof{
	ID: "propagation",
	Guest: func(r *proof.Report) error {
		for _, kind := range []string{"shared", "slave", "private", "unbindable"} {
			if err := propagate(r, kind); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, row := range []struct{ kind, in, out, bind string }{
			{"shared", "mounted", "mounted", "ok"},
			{"slave", "mounted", "nothing is mounted there", "ok"},
			{"private", "nothing is mounted there", "nothing is mounted there", "ok"},
			{"unbindable", "nothing is mounted there", "nothing is mounted there", "EINVAL"},
		} {
			s.Equal(row.kind+"-in", row.in)
			s.Equal(row.kind+"-out", row.out)
			s.Equal(row.kind+"-bind", row.bind)
			if row.in == "mounted" {
				s.Equal(row.kind+"-in-after", "nothing is mounted there") // an unmount travels too
			}
			peers := s.Get(row.kind + "-tag-host") // shared:N
			group := strings.TrimPrefix(peers, "shared:")
			s.Check(group != peers, "the host's mount is %s, not shared", peers)
			s.Equal(row.kind+"-tag", map[string]string{
				"shared": "shared:" + group, "slave": "master:" + group, "private": "(none)", "unbindable": "unbindable",
			}[row.kind])
		}
	},
}

// propagate plays one row of the table.
func propagate(r *proof.Report, kind string) error {
	host, err := startMachine(r)
	if err != nil {
		return err
	}
	defer host.end()
	if err := host.do(r, "mount-tmpfs", "/media"); err != nil {
		return err
	}
	if err := host.do(r, "propagation", "/media", "shared"); err != nil {
		return err
	}
	container, err := host.clone(unix.CLONE_NEWNS) // the copy joins the peer group
	if err != nil {
		return err
	}
	defer container.end()
	if err := container.do(r, "propagation", "/media", kind); err != nil {
		return err
	}
	for _, who := range []struct {
		key, name string
		pid       int
	}{{"-tag-host", "the host", host.pid}, {"-tag", "the container", container.pid}} {
		table, err := mountsOf(who.pid)
		if err != nil {
			return err
		}
		m, _ := mountAt(table, "/media")
		tag := m.Propagation
		if tag == "" {
			tag = "(none)"
		}
		r.Saw(kind+who.key, fmt.Sprintf("%s: the tag of its /media, %s", who.name, kind), tag)
	}

	if err := host.do(r, "mount-tmpfs", "/media/disk"); err != nil {
		return err
	}
	if err := sawMount(r, kind+"-in", "the host mounts, the container", "/media/disk", container.pid); err != nil {
		return err
	}
	if err := host.do(r, "unmount", "/media/disk"); err != nil {
		return err
	}
	if err := sawMount(r, kind+"-in-after", "the host unmounts, the container", "/media/disk", container.pid); err != nil {
		return err
	}
	if err := container.do(r, "mount-tmpfs", "/media/stick"); err != nil {
		return err
	}
	if err := sawMount(r, kind+"-out", "the container mounts, the host", "/media/stick", host.pid); err != nil {
		return err
	}
	err = container.do(r, "bind", "/media", "/again")
	r.Saw(kind+"-bind", `the container: mount("/media", "/again", MS_BIND)`, answer(err))
	return nil
}
