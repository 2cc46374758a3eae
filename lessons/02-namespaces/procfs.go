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
	reexec.Register("looks", looks)
	reexec.Register("covers", covers)
}

// privateProc gives the caller a /proc that is true in its PID namespace. It runs in the
// child: after clone(2) with CLONE_NEWPID and CLONE_NEWNS.
func privateProc() error {
	if err := privateMounts(); err != nil {
		return err
	}
	// Off with the old one: covered only, it would come back at the first umount(2).
	for unix.Unmount("/proc", unix.MNT_DETACH) == nil { // EINVAL: nothing is mounted there any more
	}
	return mountProc()
}

// privateMounts cuts the caller's table of mounts off. Before any mount: a new table is a
// copy, and may still be joined to the original; what is mounted here would show there too
// (mount_namespaces(7)).
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount(%q, MS_REC|MS_PRIVATE): %w", "/", err)
	}
	return nil
}

// mountProc mounts a procfs over the one that is there. It shows the processes of the PID
// namespace of the process that mounts it, and this never changes (pid_namespaces(7)).
func mountProc() error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount(%q, %q, %q): %w", "proc", "/proc", "proc", err)
	}
	return nil
}

// looks runs in a child, as process 1 of its namespace: it says what it finds in /proc,
// and what the system calls say.
func looks() {
	switch os.Args[1] {
	case "fresh":
		check(privateProc())
	case "cover":
		check(privateMounts())
		check(mountProc())
	}
	self, err := os.Readlink("/proc/self")
	check(err)
	first, err := os.ReadFile("/proc/1/comm")
	check(err)
	// ps -e has a line for each process, and one of its own.
	ps, err := exec.Command("ps", "-e", "-o", "pid=").Output()
	check(err)
	fmt.Println("getpid", os.Getpid())
	fmt.Println("self", self)
	fmt.Println("first", strings.TrimSpace(string(first)))
	fmt.Println("ps", len(strings.Fields(string(ps))))
	fmt.Println("witness", contains(strings.Fields(string(ps)), os.Args[2]))
	var pid int
	fmt.Sscan(os.Args[2], &pid)
	fmt.Println("kill", answer(unix.Kill(pid, 0)))

	if os.Args[1] == "old" {
		return // this /proc is everybody's
	}
	check(unix.Unmount("/proc", unix.MNT_DETACH))
	self, err = os.Readlink("/proc/self")
	if err != nil {
		self = answer(err)
	}
	fmt.Println("peeled", self)
}

func contains(words []string, word string) string {
	for _, w := range words {
		if w == word {
			return "listed"
		}
	}
	return "not listed"
}

// covers runs in a child with a mount table of its own, which it shares with its own child:
// that one mounts a procfs for itself, and forgot that others look at the same /proc.
func covers() {
	check(privateMounts())
	cmd := reexec.Command("mounts-proc")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	check(cmd.Run())
	_, err := os.Readlink("/proc/self")
	fmt.Println(answer(err))
}

func init() { reexec.Register("mounts-proc", func() { check(mountProc()) }) }

// procLies looks at /proc from a new PID namespace: the old one, a fresh one, and a fresh
// one in the wrong place.
var procLies = proof.Proof{
	ID: "proc-lies",
	Guest: func(r *proof.Report) error {
		cat, err := start(exec.Command("cat"))
		if err != nil {
			return err
		}
		defer cat.end()
		comm, err := os.ReadFile("/proc/1/comm")
		if err != nil {
			return err
		}
		r.Saw("host-first", "cat /proc/1/comm, outside", strings.TrimSpace(string(comm)))

		for _, scene := range []struct {
			name   string
			flags  uintptr
			en, ru string
		}{
			{"old", unix.CLONE_NEWPID, "inside, the old /proc", "внутри, старый /proc"},
			{"cover", unix.CLONE_NEWPID | unix.CLONE_NEWNS, "inside, a fresh /proc over the old one", "внутри, свежий /proc поверх старого"},
			{"fresh", unix.CLONE_NEWPID | unix.CLONE_NEWNS, "inside, a fresh /proc in its place", "внутри, свежий /proc на его месте"},
		} {
			cmd := reexec.Command("looks", scene.name, fmt.Sprint(cat.pid()))
			cmd.Stderr = os.Stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: scene.flags}
			out, err := cmd.Output()
			if err != nil {
				return err
			}
			questions := map[string]string{
				"getpid":  "getpid(2)",
				"self":    "readlink /proc/self",
				"first":   "cat /proc/1/comm",
				"ps":      "ps -e: processes",
				"witness": fmt.Sprintf("ps -e: process %d, a cat outside", cat.pid()),
				"kill":    fmt.Sprintf("kill -0 %d", cat.pid()),
				"peeled":  "umount /proc; readlink /proc/self",
			}
			r.Note(scene.en, scene.ru)
			for line := range strings.Lines(string(out)) {
				name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
				r.Saw(name+"-"+scene.name, questions[name], said)
			}
		}

		cmd := reexec.Command("covers")
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		r.Saw("covered", "no mount namespace; the child mounted its /proc; the parent: readlink /proc/self", strings.TrimSpace(string(out)))
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, scene := range []string{"old", "cover", "fresh"} {
			s.Equal("getpid-"+scene, "1")
			s.Equal("kill-"+scene, "ESRCH")
		}
		s.Check(s.Int("self-old") > 1, "/proc/self is %s, and should be the number outside", s.Get("self-old"))
		s.Same("first-old", "host-first")
		s.Equal("witness-old", "listed")
		for _, scene := range []string{"cover", "fresh"} {
			s.Equal("self-"+scene, "1")
			s.Equal("first-"+scene, "exe") // this program: it was started as /proc/self/exe
			s.Equal("ps-"+scene, "2")      // process 1 and ps
			s.Equal("witness-"+scene, "not listed")
		}
		s.Check(s.Int("peeled-cover") > 1, "under the cover /proc/self is %s, and should be the number outside", s.Get("peeled-cover"))
		s.Equal("peeled-fresh", "ENOENT")
		s.Check(s.Int("ps-old") > 2, "the old /proc lists only %d processes", s.Int("ps-old"))
		s.Equal("covered", "ENOENT")
	},
}
