package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/rootfs"
)

// needStudent is needLab, and the group above those of student's containers is there too.
func needStudent(t *testing.T) {
	labtest.NeedLab(t)
	if out, err := student(t).mydocker("run", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	needLab(t)
}

// A person calls mydocker: the lab's ordinary user, from a cgroup.
type person struct {
	t      *testing.T
	who    *syscall.Credential
	root   string   // MYDOCKER_ROOT
	cgroup *os.File // where its mydocker begins
}

// student is in the group that the lab has delegated to it.
func student(t *testing.T) person {
	t.Helper()
	u, err := user.Lookup("student")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	dir, err := os.MkdirTemp("", "student-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	p := person{t: t, who: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, root: dir + "/state"}
	return p.in("/sys/fs/cgroup/student/session")
}

func (p person) in(group string) person {
	p.t.Helper()
	var err error
	if p.cgroup, err = os.Open(group); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { p.cgroup.Close() })
	return p
}

func (p person) mydocker(args ...string) *exec.Cmd {
	cmd := mydocker(p.root, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.who, UseCgroupFD: true, CgroupFD: int(p.cgroup.Fd())}
	return cmd
}

func (p person) must(args ...string) string {
	p.t.Helper()
	out, err := p.mydocker(args...).CombinedOutput()
	if err != nil {
		p.t.Errorf("student: %v: %v: %s", args, err, out)
	}
	return string(out)
}

// An ordinary user has all of it: a container, its list, its limits, its end.
func TestRootless(t *testing.T) {
	needStudent(t)
	p := student(t)
	p.must("run", "true")
	before, err := os.ReadDir("/sys/fs/cgroup/student/mydocker")
	if err != nil {
		t.Fatal(err)
	}
	p.must("run", "-d", "--name", "c", "--memory", "50m", "--pids", "40", "sh", "-c",
		"touch /tmp/mine /tmp/other && chown 33:33 /tmp/other; trap 'exit 3' TERM; while :; do sleep 1; done")
	if out := p.must("ps"); !strings.Contains(out, "1→") {
		t.Errorf("ps: %s", out)
	}
	if out := p.must("stats"); !strings.Contains(out, "/ 50MiB") {
		t.Errorf("stats: %s", out)
	}
	p.must("pause", "c")
	if out := p.must("ps"); !strings.Contains(out, "(Paused)") {
		t.Errorf("ps: %s", out)
	}
	p.must("stop", "-t", "600", "c")
	if out := p.must("ps", "-a"); !strings.Contains(out, "Exited (3)") {
		t.Errorf("ps -a: %s", out)
	}
	p.must("rm", "c")
	for _, id := range strings.Fields(p.must("ps", "-aq")) {
		p.must("rm", id)
	}
	empty(t, p.root)
	if after, err := os.ReadDir("/sys/fs/cgroup/student/mydocker"); len(after) != len(before) || err != nil {
		t.Errorf("groups: %v, %v, %v", before, after, err)
	}
}

// Without a delegated cgroup a limit is refused, with the reason and nothing made.
func TestNotDelegated(t *testing.T) {
	needStudent(t)
	p := student(t).in("/sys/fs/cgroup")
	out, err := p.mydocker("run", "--pids", "50", "true").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "not delegated") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(p.root); err == nil {
		t.Error("refused, and the store was made")
	}
	p.must("run", "-d", "--name", "c", "sleep", "100")
	if out, err := p.mydocker("pause", "c").CombinedOutput(); err == nil {
		t.Errorf("pause without a group: %s", out)
	}
	p.must("stop", "-t", "0", "c")
	p.must("rm", "c")
	empty(t, p.root)
}

// Root's files are the container's root's own, and the host's are as they were.
func TestTranslated(t *testing.T) {
	needLab(t)
	root, lower := t.TempDir(), t.TempDir()+"/rootfs"
	if err := rootfs.Default(lower); err != nil {
		t.Fatal(err)
	}
	out := must(t, root, "run", "--uid-map", "0:100000:65536", "--rootfs", lower, "sh", "-c",
		"echo x >>/etc/passwd && rm -r /home && mkdir /home && touch /home/new && chown 33 /home/new && stat -c '%u %g' /etc/group /home/new")
	if out != "0 0\n33 0\n" {
		t.Errorf("inside: %s", out)
	}
	id := strings.TrimSpace(must(t, root, "ps", "-aq"))
	for path, want := range map[string]string{lower + "/etc/passwd": "0 0", root + "/containers/" + id + "/upper/home/new": "100033 100000"} {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || fmt.Sprint(st.Uid, st.Gid) != want {
			t.Errorf("%s: %d %d, %v, want %s", path, st.Uid, st.Gid, err, want)
		}
	}
	if text, err := os.ReadFile(lower + "/etc/passwd"); err != nil || strings.Contains(string(text), "x\n") && strings.HasSuffix(string(text), "\nx\n") {
		t.Errorf("the rootfs was written to: %s, %v", text, err)
	}
	must(t, root, "rm", id)
	empty(t, root)
}

// Process 1 stays, and what it holds open is within reach of root inside who may trace.
func TestNoWayOut(t *testing.T) {
	needStudent(t)
	const look = "for f in /proc/1/fd/*; do if [ -d $f/. ]; then echo $f leads to $(cd $f/.. && echo *); fi; done; ls -l /proc/1/root/"
	for name, out := range map[string]string{
		"root":    must(t, t.TempDir(), "run", "--add-cap", "SYS_PTRACE", "--uid-map", "0:100000:65536", "sh", "-c", look),
		"student": student(t).must("run", "--add-cap", "SYS_PTRACE", "sh", "-c", look),
	} {
		if strings.Contains(out, "leads to") || !strings.Contains(out, "bin") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// An ordinary user's mydocker, killed at any moment, leaves nothing that runs and nothing
// that rm -f cannot remove.
func TestRootlessKilledAtAnyMoment(t *testing.T) {
	needStudent(t)
	p := student(t)
	begin := time.Now()
	p.must("run", "touch", "/x")
	whole := time.Since(begin)
	for i := range 8 {
		cmd := p.mydocker("run", "--name", fmt.Sprint("k", i), "sh", "-c", "touch /x && chown 33 /x; sleep 100 & sleep 100")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole))
		cmd.Process.Kill()
		cmd.Wait()
	}
	p.must(append([]string{"rm", "-f", "nosuch"}, strings.Fields(p.must("ps", "-aq"))...)...)
	empty(t, p.root)
	if left, err := filepath.Glob("/sys/fs/cgroup/student/mydocker/*/"); len(left) > 0 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
}
