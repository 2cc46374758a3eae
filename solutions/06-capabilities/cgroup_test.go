package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
)

// start runs a container in the background and returns its group.
func start(t *testing.T, root, name string, args ...string) cgroup.Group {
	t.Helper()
	id, err := mydocker(root, append([]string{"run", "-d", "--name", name}, args...)...).Output()
	if err != nil {
		t.Fatalf("run %v: %v", args, err)
	}
	t.Cleanup(func() {
		if out, err := mydocker(root, "rm", "-f", name).CombinedOutput(); err != nil {
			t.Errorf("rm -f %s: %v: %s", name, err, out)
		}
	})
	return cgroup.Group{Path: filepath.Join(cgroup.Root, "mydocker", strings.TrimSpace(string(id)))}
}

// file reads one file of a group.
func file(g cgroup.Group, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(g.Path, name))
	return strings.TrimSpace(string(text)), err
}

// must runs mydocker and returns what it printed.
func must(t *testing.T, root string, args ...string) string {
	t.Helper()
	out, err := mydocker(root, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

func TestLimitsAreTheKernels(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	g := start(t, root, "c", "--memory", "50M", "--cpus", "0.5", "--pids-limit", "32", "sleep", "100")
	for name, want := range map[string]string{"memory.max": "52428800", "memory.swap.max": "0", "cpu.max": "50000 100000", "pids.max": "32"} {
		if got, err := file(g, name); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	out := must(t, root, "run", "sh", "-c", "cat /proc/self/cgroup; ls /sys/fs/cgroup; ! echo max >/sys/fs/cgroup/pids.max")
	if !strings.HasPrefix(out, "0::/\n") || strings.Contains(out, "mydocker\n") || !strings.Contains(out, "Read-only") {
		t.Errorf("inside: %s", out)
	}
}

// Root inside may mount, opens its cgroup mount for writing, and its limits stay the host's.
func TestOwnLimit(t *testing.T) {
	needLab(t)
	out, err := mydocker(t.TempDir(), "run", "--add-cap", "SYS_ADMIN", "--pids", "32", "sh", "-c",
		"mount -o remount,rw,bind /sys/fs/cgroup && mkdir /sys/fs/cgroup/below && echo max >/sys/fs/cgroup/pids.max").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "not permitted") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestOutOfMemory(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	out, err := mydocker(root, "run", "--memory", "50M", "tail", "/dev/zero").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 137 || len(lines) != 1 || !strings.Contains(lines[0], "killed: out of memory (limit 50M)") {
		t.Errorf("%v: %s", err, out)
	}
	// Killed, but not for memory: no word of it.
	out, err = mydocker(root, "run", "--memory", "50M", "sh", "-c", "kill -9 $$").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 137 || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	out, err = mydocker(root, "run", "--memory", "6m", "true").CombinedOutput() // the least is enough
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// bomb is this test binary in the container: TestMain calls it. Who returns, clones again.
func bomb() {
	for {
		unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	}
}

// The bomb burns, process 1 lives, and one command ends it.
func TestBomb(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, root, "bomb", "--pids", "50", "-v", program+":/bomb:ro", "/bomb", "bomb")
	for {
		if used, err := g.Stats(); err != nil {
			t.Fatal(err)
		} else if used.PidsRefused > 1000 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if state := must(t, root, "ps"); !strings.Contains(state, "Up") {
		t.Errorf("ps: %s", state)
	}
	must(t, root, "kill", "bomb")
	// Dead ones count until somebody has waited for them.
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		used, err := g.Stats()
		if err != nil || used.Pids == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d are left", used.Pids)
		}
	}
}

func TestPause(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	g := start(t, root, "c", "sh", "-c", "trap 'exit 3' TERM; while :; do :; done")
	must(t, root, "pause", "c")
	usage := func() cgroup.Stats {
		r, err := g.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := usage()
	time.Sleep(50 * time.Millisecond)
	if after := usage(); after.CPU != before.CPU {
		t.Errorf("%v of processor time while it was paused", after.CPU-before.CPU)
	}
	if out := must(t, root, "ps"); !strings.Contains(out, "(Paused)") {
		t.Errorf("ps: %s", out)
	}
	for _, args := range [][]string{{"pause", "c"}, {"rm", "c"}} {
		if out, err := mydocker(root, args...).CombinedOutput(); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
	must(t, root, "unpause", "c")
	if out, err := mydocker(root, "unpause", "c").CombinedOutput(); err == nil {
		t.Errorf("unpause: %s", out)
	}
	must(t, root, "pause", "c")
	must(t, root, "stop", "-t", "600", "c") // heard, although it was paused
	if out := must(t, root, "ps", "-a"); !strings.Contains(out, "Exited (3)") {
		t.Errorf("ps -a: %s", out)
	}
}

func TestStats(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	start(t, root, "idle", "--memory", "50m", "sleep", "100")
	start(t, root, "hog", "--cpu", "0.2", "sh", "-c", "while :; do :; done")
	out := must(t, root, "stats", "--no-stream")
	for _, want := range []string{"CONTAINER ID", "MEM USAGE / LIMIT", "idle", " / 50MiB", "hog"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := must(t, root, "stats", "hog"); strings.Contains(out, "idle") {
		t.Errorf("stats hog:\n%s", out)
	}
	if out, err := mydocker(root, "stats", "nosuch").CombinedOutput(); err == nil {
		t.Errorf("stats nosuch: %s", out)
	}
}

// What is refused leaves nothing: no container, no group.
func TestRefused(t *testing.T) {
	needLab(t)
	root := t.TempDir() + "/never"
	for _, flag := range []string{"--memory=50X", "--memory=1", "--memory=", "--memory=99999999999g", "--cpu=0", "--cpu=-1", "--cpu=NaN", "--cpus=1e300", "--pids=0", "--pids=", "--pids-limit=-1"} {
		out, err := mydocker(root, "run", flag, "true").CombinedOutput()
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || !strings.Contains(string(out), name) {
			t.Errorf("%s: %v: %s", flag, err, out)
		}
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("something was made")
	}
}

// A machine without cgroup v2: no limits there, and all the rest.
func TestWithoutCgroups(t *testing.T) {
	needLab(t)
	root := t.TempDir()
	run := func(args string) (string, error) {
		script := fmt.Sprintf("mount -t tmpfs none /sys/fs/cgroup; MYDOCKER_ROOT=%s exec -a mydocker /proc/%d/exe %s", root, os.Getpid(), args)
		out, err := exec.Command("unshare", "-m", "bash", "-c", script).CombinedOutput()
		return string(out), err
	}
	if out, err := run("run --memory 50m true"); err == nil || !strings.Contains(out, "not cgroup v2") {
		t.Errorf("%v: %s", err, out)
	}
	if left, _ := os.ReadDir(root); len(left) > 0 {
		t.Errorf("refused, and %v was made", left)
	}
	if out, err := run("run sh -c 'echo works'"); err != nil || out != "works\n" {
		t.Errorf("%v: %s", err, out)
	}
}
