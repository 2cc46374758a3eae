package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// byHand: an ordinary user does what docker needs root for.
var byHand = proof.Proof{
	ID: "by-hand",
	Guest: func(r *proof.Report) error {
		s, err := asStudent()
		if err != nil {
			return err
		}
		defer s.end()
		before := nodename()
		r.Saw("student", "student: getuid(2), getgid(2)", s.ask("ids"))
		r.Saw("caps", "student: CapEff", s.ask("capeff"))
		r.Saw("refused", "student: unshare(CLONE_NEWNS)", s.ask("unshare", "mnt"))

		// On the host's side: the clone, and the maps for a child that waits.
		pid, err := s.clone("user,mnt,pid,uts,ipc")
		if err != nil {
			return err
		}
		p := fmt.Sprint(pid)
		r.Saw("uid_map", "student: clone(CLONE_NEWUSER|NEWNS|NEWPID|NEWUTS|NEWIPC), newuidmap", s.ask("newuidmap", p, "0", "1000", "1", "1", "100000", "65535"))
		r.Saw("gid_map", "student: newgidmap", s.ask("newgidmap", p, "0", "1000", "1", "1", "100000", "65535"))

		// On the container's side: first the capabilities, then what they are for.
		r.Saw("exec", "the child: execve(2) of itself", s.child("exec-again"))
		r.Saw("build", "the child: sethostname, mount, mount, pivot_root, umount2", s.child("rootless"))
		r.Saw("pid", "inside: getpid(2)", s.child("pid"))
		r.Saw("ids", "inside: getuid(2), getgid(2)", s.child("ids"))
		r.Saw("hostname", "inside: uname(2)", s.child("uname"))
		r.Saw("root", "inside: ls /", s.child("ls", "/"))
		numbers := []string{}
		for _, name := range strings.Fields(s.child("ls", "/proc")) {
			if strings.Trim(name, "0123456789") == "" {
				numbers = append(numbers, name)
			}
		}
		r.Saw("processes", "inside: the processes in /proc", strings.Join(numbers, " "))
		r.Saw("chown", "inside: chown 33 /etc/hostname", s.child("chown", "/etc/hostname", "33"))

		r.Saw("outside", "outside: grep Uid /proc/"+p+"/status", uidOf(pid))
		r.Saw("chown-outside", "outside: stat -c '%u %g' /proc/"+p+"/root/etc/hostname", owner("/proc/"+p+"/root/etc/hostname"))
		r.Saw("before", "outside: the host's name before", before)
		r.Saw("after", "outside: and now", nodename())
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("student", "1000 1000")
		s.Equal("caps", "0000000000000000")
		s.Equal("refused", "EPERM")
		for _, key := range []string{"uid_map", "gid_map", "exec", "build", "chown"} {
			s.Equal(key, "ok")
		}
		s.Equal("pid", "1")
		s.Equal("ids", "0 0")
		s.Equal("hostname", "rootless")
		s.Equal("root", "etc proc")
		s.Equal("processes", "1")
		s.Equal("outside", "1000")
		s.Equal("chown-outside", "100032 100032")
		s.Same("after", "before")
	},
}

// buildContainer runs in the child: after clone(2), and after the execve(2) that gave it its
// capabilities. It is what mydocker has done since lesson 03, and not a call is different.
func buildContainer() error {
	if err := unix.Sethostname([]byte("rootless")); err != nil {
		return fmt.Errorf("sethostname(%q): %w", "rootless", err)
	}
	if err := private(); err != nil {
		return fmt.Errorf("mount(%q, MS_REC|MS_PRIVATE): %w", "/", err)
	}
	return newRoot("")
}

// newRoot makes a tmpfs with a /proc and an /etc the root of the caller's tree. If show is
// not empty, it is a file or a folder of the host, which is bound to /host.
func newRoot(show string) error {
	const root = "/mnt" // whatever lay there is hidden from us, and from nobody else
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount(%q, %q, %q): %w", "tmpfs", root, "tmpfs", err)
	}
	for _, dir := range []string{"/proc", "/etc"} {
		if err := os.Mkdir(root+dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(root+"/etc/hostname", []byte("rootless\n"), 0o644); err != nil {
		return err
	}
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount(%q, %q, %q): %w", "proc", root+"/proc", "proc", err)
	}
	if show != "" {
		if err := bindHost(show, root+"/host"); err != nil {
			return err
		}
	}
	// The old root is laid over the new one and taken off (pivot_root(2), the part about ".").
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("chdir(%q): %w", root, err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root(%q, %q): %w", ".", ".", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount2(%q, MNT_DETACH): %w", ".", err)
	}
	return unix.Chdir("/")
}

// bindHost is docker's -v: a file or a folder of the host appears at target.
func bindHost(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(target, 0o755)
	} else {
		err = os.WriteFile(target, nil, 0o600)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount(%q, %q, MS_BIND): %w", source, target, err)
	}
	return nil
}
