package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
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

// What the checks of all tasks stand on: a rootfs of the host's root, an ordinary user, a
// command that can be found among all processes, and what the kernel says of that.

const patience = 5 * time.Second // for a state to come; scaled under emulation

// The main thread is what /proc/PID shows of us: it does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// makeRootfs makes a root of busybox that belongs to the host's root, with a file that
// nobody else may read and one that is another user's.
func makeRootfs(t *grade.T) string {
	t.Helper()
	top := publicDir(t)
	dir := filepath.Join(top, "rootfs")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, busybox, filepath.Join(dir, "bin", "busybox"))
	for _, name := range strings.Fields("sh ls cat sleep true mkdir rmdir rm chmod chown touch stat id") {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Broken(err)
		}
	}
	etc := filepath.Join(dir, "etc")
	err = errors.Join(os.Mkdir(etc, 0o755), os.Mkdir(filepath.Join(dir, "tmp"), 0o755),
		os.WriteFile(filepath.Join(etc, "motd"), []byte("of the image\n"), 0o644),
		os.WriteFile(filepath.Join(etc, "secret"), []byte("of root\n"), 0o600),
		os.WriteFile(filepath.Join(etc, "page"), []byte("of 33\n"), 0o600),
		os.Chown(filepath.Join(etc, "page"), 33, 33),
		os.WriteFile(filepath.Join(etc, "passwd"), []byte("root:x:0:0:root:/:/bin/sh\n"), 0o644))
	if err != nil {
		t.Broken(err)
	}
	return dir
}

// publicDir is a folder that everybody may walk through, unlike t.TempDir.
func publicDir(t *grade.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "homework-")
	if err != nil {
		t.Broken(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
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

// A caller is who calls mydocker: the machine's root, or an ordinary user. The user has a
// MYDOCKER_ROOT of its own, and begins in a cgroup.
type caller struct {
	t      *grade.T
	who    *syscall.Credential // nil: root
	root   string              // MYDOCKER_ROOT
	cgroup string              // "": where we are
}

// asRoot is root with two supplementary groups, as a root that has logged in may have them:
// 0, and 42, whom the lab's /etc/shadow may be read by.
func asRoot(t *grade.T) *caller {
	return &caller{t: t, who: &syscall.Credential{Groups: []uint32{0, 42}}, root: t.Root()}
}

const sessionCgroup = "/sys/fs/cgroup/student/session"

// asStudent is the lab's ordinary user, in the cgroup that the lab has delegated to it.
func asStudent(t *grade.T) *caller {
	t.Helper()
	u, err := user.Lookup("student")
	if err != nil {
		t.Broken(err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	dir := publicDir(t)
	err3 := os.Chown(dir, uid, gid)
	err4 := os.Chmod(dir, 0o700)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Broken(err)
	}
	who := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}
	return &caller{t: t, who: who, root: filepath.Join(dir, "state"), cgroup: sessionCgroup}
}

// mydocker prepares a call.
func (c *caller) mydocker(args ...string) *grade.Cmd {
	c.t.Helper()
	cmd := c.t.Mydocker(args...).Env("MYDOCKER_ROOT="+c.root, "HOME=/", "XDG_RUNTIME_DIR=").Dir("/")
	if c.who != nil {
		cmd.As(*c.who)
	}
	if c.cgroup != "" {
		fd, err := unix.Open(c.cgroup, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			c.t.Broken(fmt.Errorf("open(%q): %w", c.cgroup, err))
		}
		c.t.Cleanup(func() { unix.Close(fd) })
		cmd.Cgroup(fd)
	}
	return cmd
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

// find waits until the kernel has the sample as a process, and returns its PID.
func (s sample) find(t *grade.T, p *grade.Process) int {
	t.Helper()
	pid, ended := 0, false
	t.Eventually(patience, func() bool {
		ended = p.Ended()
		pid = s.pid() // asked after that, so that one that outlives its mydocker is found
		return pid != 0 || ended
	})
	if pid != 0 {
		return pid
	}
	if !ended {
		p.Signal(syscall.SIGKILL)
	}
	said := strings.TrimSpace(p.Wait().Stderr)
	t.Saw("grep "+s.argv[len(s.argv)-1]+" /proc/*/cmdline", "no such process")
	switch {
	case strings.Contains(said, "gid_map") && strings.Contains(said, "not permitted"):
		t.Wrong("gid-early",
			"EPERM from gid_map: an ordinary user has to write deny into /proc/PID/setgroups first. See proof `setgroups`. mydocker said: %s",
			"EPERM от gid_map: обычный пользователь должен сначала записать deny в /proc/PID/setgroups. См. доказательство `setgroups`. mydocker написал: %s", said)
	case strings.Contains(said, "hostname") && strings.Contains(said, "not permitted"):
		t.Wrong("caps-gone",
			"EPERM from sethostname: the child is in its user namespace and has no capabilities there. It executed a program before it was user 0 of the namespace, and execve(2) took them. With root's own map Credential{0, 0} is what is missing; behind newuidmap, a second execve(2). See proofs `still-root`, `too-late` and `in-time`. mydocker said: %s",
			"EPERM от sethostname: потомок уже в своём user namespace, но возможностей там у него нет. Он выполнил программу раньше, чем стал в нём пользователем 0, и execve(2) их отнял. Если карту пишет root, не хватает Credential{0, 0}; если newuidmap, второго execve(2). См. доказательства `still-root`, `too-late` и `in-time`. mydocker написал: %s", said)
	}
	t.Wrong("not-started",
		"mydocker run was called, and no process of the command appeared. It said: %s",
		"mydocker run вызван, а процесса команды так и нет. Он написал: %s", orNothing(said))
	return 0
}

// start runs a sample and returns when it is there.
func (c *caller) start(text string, flags ...string) (p *grade.Process, pid int) {
	c.t.Helper()
	s := script(c.t, text)
	p = c.mydocker(s.run(flags...)...).Start()
	return p, s.find(c.t, p)
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

// field reads a line of /proc/PID/status, its fields separated by one blank.
func field(pid int, name string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}

// number is a field that is one, such as PPid.
func number(pid int, name string) int {
	n, _ := strconv.Atoi(field(pid, name))
	return n
}

// idMap reads uid_map or gid_map as we see it: "0 1000 1, 1 100000 65536".
func idMap(pid int, name string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	var lines []string
	for line := range strings.Lines(string(data)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, ", ")
}

// link is where a magic link of /proc leads: user:[4026531837]. "" when the process is gone.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	return target
}

// ownerOf is who owns a file, as the host counts: "100000 100000", or the error.
func ownerOf(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %d", st.Uid, st.Gid)
}

// allCaps is every capability that this kernel has, which is what we have.
func allCaps() string { return field(os.Getpid(), "CapEff") }

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
