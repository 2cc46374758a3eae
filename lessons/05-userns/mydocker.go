package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mydocker.example/shared/proof"
)

// The groups of the lab: one that it has delegated to student, as systemd does at a login,
// and where student's processes begin. Outside of it, everything is root's.
const (
	cgroupTop = "/sys/fs/cgroup"
	delegated = cgroupTop + "/student"
)

// rootless: the mydocker that this lesson ends with, run by an ordinary user.
var rootless = proof.Proof{
	ID:       "rootless",
	Mydocker: true,
	Guest: func(r *proof.Report) error {
		dir, err := publicDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		who, err := student()
		if err != nil {
			return err
		}
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
		before := nodename()
		at := caller{who: who, dir: dir, group: delegated + "/session"}
		args := []string{"run", "-d", "--name", "box", "--pids", "50", "sh", "-c", "hostname mine; touch /x; chown 33 /x; sleep 1000"}
		id, code := at.mydocker(args...)
		defer at.mydocker("rm", "-f", "box")
		r.Saw("run", "student: mydocker "+strings.Join(args, " "), code)
		if code != "exit 0" {
			return fmt.Errorf("mydocker run: %s: %s", code, id)
		}

		group := delegated + "/mydocker/" + id
		r.Saw("limit", "cat "+group+"/pids.max", said(read(group+"/pids.max")))
		pid := 0
		if !r.Eventually(10*time.Second, func() bool { pid = asleep(group); return pid != 0 }) {
			return errors.New("no sleep appeared in the container's group")
		}
		proc := fmt.Sprintf("/proc/%d/", pid)
		r.Saw("outside", "outside: grep Uid "+proc+"status, of the sleep in it", uidOf(pid))
		r.Saw("map", "outside: cat "+proc+"uid_map", said(read(proc+"uid_map")))
		caps := said(status(fmt.Sprint(pid), "CapEff"))
		r.Sawf("full", "outside: grep CapEff "+proc+"status: every capability?", "%t", full(caps))
		r.Saw("file", "outside: stat -c '%u %g' "+proc+"root/x", owner(proc+"root/x"))
		r.Saw("before", "outside: the host's name before", before)
		r.Saw("after", "outside: and now", nodename())

		said, code := at.mydocker("rm", "-f", "box")
		r.Saw("rm", "student: mydocker rm -f box", strings.TrimSpace(code+" "+strings.TrimPrefix(said, "box")))
		left, err := os.ReadDir(dir + "/containers")
		r.Sawf("left", "ls of its folder", "%d", len(left))
		if err != nil {
			return err
		}

		// Where root has delegated nothing.
		at.group = cgroupTop
		said, code = at.mydocker("run", "--pids", "50", "true")
		r.Saw("undelegated", "student, in a group of root's: mydocker run --pids 50 true", code)
		r.Saw("reason", "its words", said)
		_, code = at.mydocker("run", "true")
		r.Saw("the-rest", "the same without the limit: mydocker run true", code)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("run", "exit 0")
		s.Equal("limit", "50")
		s.Equal("outside", "1000")
		s.Equal("map", "0 1000 1, 1 100000 65536")
		s.Equal("full", "true")
		s.Equal("file", "100032 1000")
		s.Same("after", "before")
		s.Equal("rm", "exit 0")
		s.Equal("left", "0")
		s.Equal("undelegated", "exit 125")
		s.Check(strings.Contains(s.Get("reason"), "cgroup"), "mydocker gives no reason: %q", s.Get("reason"))
		s.Equal("the-rest", "exit 0")
	},
}

// A caller calls mydocker as a user, in a cgroup, with a folder for what mydocker keeps.
type caller struct {
	who        *syscall.Credential
	dir, group string
}

// mydocker calls it, and returns what it said and its exit code.
func (c caller) mydocker(args ...string) (said, code string) {
	group, err := os.Open(c.group)
	if err != nil {
		return err.Error(), ""
	}
	defer group.Close()
	cmd := proof.Mydocker(args...)
	cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+c.dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.who, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return err.Error(), ""
	}
	return strings.TrimSpace(string(out)), fmt.Sprintf("exit %d", cmd.ProcessState.ExitCode())
}

// asleep is the sleep in a group; 0 if there is none yet.
func asleep(group string) int {
	text, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	for pid := range strings.FieldsSeq(string(text)) {
		if name, err := status(pid, "Name"); err == nil && name == "sleep" {
			return number(pid)
		}
	}
	return 0
}
