package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// What the checks of all tasks stand on: a command in a container that can be found among
// all processes, the cgroup that the kernel says it is in, and what that group's files say.

const (
	patience = 5 * time.Second  // for a state to come; scaled under emulation
	top      = "/sys/fs/cgroup" // where the tree of cgroups is mounted
	megabyte = 1 << 20
)

// The main thread is what /proc/PID shows of us. No check that enters a namespace may do so
// on it: it stays with the main goroutine, which does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// makeRootfs makes a root of busybox, with the few programs that the checks start.
func makeRootfs(t *grade.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rootfs")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, busybox, filepath.Join(dir, "bin", "busybox"))
	for _, name := range strings.Fields("sh cat sleep true dd mount kill") {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Broken(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "etc"), 0o755), os.Mkdir(filepath.Join(dir, "tmp"), 0o755)); err != nil {
		t.Broken(err)
	}
	return dir
}

func copyFile(t *grade.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Broken(err)
	}
}

// A sample is a command for mydocker to run. Its last argument is like no other, so the
// checks find it in /proc without asking mydocker.
type sample struct{ argv []string }

// script is a shell that runs text, and stays until it is killed.
func script(t *grade.T, text string) sample {
	s := sample{[]string{"sh", "-c", text + "; while :; do sleep 600; done", rand.Text()}}
	t.Cleanup(func() { // whatever the verdict, it does not stay
		if pid := s.pid(); pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	return s
}

// run puts the sample behind mydocker run and flags.
func (s sample) run(flags ...string) []string { return slices.Concat([]string{"run"}, flags, s.argv) }

// pid asks the kernel for the sample's process; 0: there is none.
func (s sample) pid() int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, err := os.ReadFile(dir + "/cmdline")
		// mydocker has the token among its arguments too, behind some of its own.
		if err == nil && string(line) == strings.Join(s.argv, "\x00")+"\x00" {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid
		}
	}
	return 0
}

// find waits until the kernel has the sample as a process, and returns its PID. p is nil when
// mydocker has returned already (-d).
func (s sample) find(t *grade.T, p *grade.Process) int {
	t.Helper()
	pid, ended := 0, false
	t.Eventually(patience, func() bool {
		ended = p != nil && p.Ended()
		pid = s.pid() // asked after that, so that one that outlives its mydocker is found
		return pid != 0 || ended
	})
	if pid != 0 {
		return pid
	}
	said := ""
	if p != nil {
		if !ended {
			p.Signal(syscall.SIGKILL)
		}
		said = p.Wait().Stderr
	}
	t.Saw("grep "+s.argv[len(s.argv)-1]+" /proc/*/cmdline", "no such process")
	t.Wrong("not-started",
		"mydocker run was called, and no process of the command appeared. It said: %s",
		"mydocker run вызван, а процесса команды так и нет. Он написал: %s", orNothing(said))
	return 0
}

// start runs a sample and returns when it is there.
func start(t *grade.T, text string, flags ...string) (p *grade.Process, pid int) {
	t.Helper()
	s := script(t, text)
	p = t.Mydocker(s.run(flags...)...).Start()
	return p, s.find(t, p)
}

// end ends a container by its mydocker.
func end(p *grade.Process) {
	p.Signal(syscall.SIGTERM)
	p.Wait()
}

// says waits until a container has printed a word.
func says(t *grade.T, p *grade.Process, word string) bool {
	t.Helper()
	t.Eventually(patience, func() bool { return strings.Contains(p.Stdout(), word) || p.Ended() })
	return strings.Contains(p.Stdout(), word)
}

// A group is the folder of a cgroup.
type group string

// groupOf is the group that the kernel says a process is in; "" when the process is gone.
func groupOf(pid int) group {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return group(filepath.Join(top, path))
		}
	}
	return ""
}

// ownGroup is groupOf for a container, which must not be in ours.
func ownGroup(t *grade.T, pid int) group {
	t.Helper()
	g := groupOf(pid)
	t.Saw(fmt.Sprintf("cat /proc/%d/cgroup", pid), orNothing(strings.TrimPrefix(string(g), top)))
	if g == "" || g == groupOf(os.Getpid()) || g == top {
		t.Wrong("no-group",
			"the command is in the cgroup of whoever has called mydocker, and in none of its own: nothing limits it, and nothing counts what it uses",
			"команда сидит в cgroup того, кто вызвал mydocker, а своей у неё нет: её ничто не ограничивает, и никто не считает, сколько она берёт")
	}
	return g
}

// read is a file of the group, without the newline; why it cannot be read, otherwise.
func (g group) read(file string) string {
	text, err := os.ReadFile(string(g) + "/" + file)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// field is one line of a file of "name value" lines; -1: there is none.
func (g group) field(file, name string) int64 {
	for line := range strings.Lines(g.read(file)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == name {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

func (g group) exists() bool { _, err := os.Stat(string(g)); return err == nil }

// groups are all there are.
func groups() (all []string) {
	filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != top {
			all = append(all, path)
		}
		return nil // one that goes while we walk is none
	})
	return all
}

// processesIn lists the processes whose PID namespace is that of the process pid.
func processesIn(pid int) (pids []int) {
	own := link(pid, "ns/pid")
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		other, _ := strconv.Atoi(filepath.Base(dir))
		if own != "" && link(other, "ns/pid") == own {
			pids = append(pids, other)
		}
	}
	return pids
}

// link is where a magic link of /proc leads: pid:[4026531836]. "" when the process is gone.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	return target
}

// expectCode ends the task when a call did not exit as it should.
func expectCode(t *grade.T, res grade.Result, want int, call string) {
	t.Helper()
	if res.Code == want && !res.TimedOut {
		return
	}
	t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
	if res.TimedOut {
		t.Wrong("does-not-end", "%s does not come to an end", "%s не завершается", call)
	}
	t.Wrong("exit-code",
		"%s exited with %d, not %d",
		"%s: код завершения %d, а должен быть %d", call, res.Code, want)
}

func orNothing(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return "(nothing)"
	}
	return s
}
