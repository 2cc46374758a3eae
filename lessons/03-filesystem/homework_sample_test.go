package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
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

// What the checks of all tasks stand on: a rootfs of their own, a command in it that can be
// found among all processes, and what the kernel says of that.

const patience = 5 * time.Second // for a state to come; scaled under emulation

// The main thread is what /proc/PID shows of us. No check that enters a namespace may do so
// on it: it stays with the main goroutine, which does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// makeRootfs makes a root of busybox, without the folders that mounts will want: a rootfs
// need not have them, and must not get them.
func makeRootfs(t *grade.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rootfs")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Broken(err)
	}
	copyFile(t, busybox, filepath.Join(dir, "bin", "busybox"))
	for _, name := range strings.Fields("sh ls cat sleep true mkdir rm chmod mv ln") {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Broken(err)
		}
	}
	err = errors.Join(os.Mkdir(filepath.Join(dir, "etc"), 0o755), os.Mkdir(filepath.Join(dir, "tmp"), 0o755),
		os.WriteFile(filepath.Join(dir, "etc", "motd"), []byte("of the image\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "etc", "passwd"), []byte("root:x:0:0:root:/:/bin/sh\n"), 0o644))
	if err != nil {
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
	said := p.Wait().Stderr
	t.Saw("grep "+s.argv[len(s.argv)-1]+" /proc/*/cmdline", "no such process")
	if strings.Contains(said, "pivot_root") && strings.Contains(said, "invalid argument") {
		t.Wrong("pivot-einval",
			"EINVAL from pivot_root: / is still shared, or the new root is no mount point. Make all mounts private before anything else; an overlay is a mount point, a plain folder becomes one when it is bound onto itself. See proof `pivot-refuses`. mydocker said: %s",
			"EINVAL от pivot_root: / всё ещё shared, или новый корень не точка монтирования. Прежде всего сделайте все точки частными; оверлей — точка монтирования, а простая папка станет ею, если связать её с самой собой. См. доказательство `pivot-refuses`. mydocker написал: %s", strings.TrimSpace(said))
	}
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

// A mounted is a line of a mount table (proc_pid_mountinfo(5)).
type mounted struct {
	device, root, point, options, fstype string
	shared                               bool
}

func (m mounted) String() string {
	return fmt.Sprintf("%s (%s %s %s)", m.point, m.fstype, m.device, m.root)
}

// mounts is the mount table as the process sees it from its root.
func mounts(pid int) (table []mounted) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	for line := range strings.Lines(string(data)) {
		first, last, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(first), strings.Fields(last)
		if len(f) > 5 && len(g) > 0 {
			table = append(table, mounted{f[2], f[3], f[4], f[5], g[0], strings.Contains(strings.Join(f[6:], " "), "shared:")})
		}
	}
	return table
}

// at finds the topmost mount at a place.
func at(table []mounted, point string) (m mounted, ok bool) {
	for _, m = range slices.Backward(table) {
		if m.point == point {
			return m, true
		}
	}
	return mounted{}, false
}

// changes says what came and what went.
func changes(before, after []mounted) string {
	var list []string
	for _, m := range after {
		if !slices.Contains(before, m) {
			list = append(list, "+ "+m.String())
		}
	}
	for _, m := range before {
		if !slices.Contains(after, m) {
			list = append(list, "- "+m.String())
		}
	}
	return strings.Join(list, ", ")
}

// fromTheTop calls fn at the root of the mount namespace of a process, which is not where
// the process stands if it was put there by chroot(2). setns(2) takes one there.
func fromTheTop(pid int, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is elsewhere, and ends with us
		done <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
			if err != nil {
				return err
			}
			defer ns.Close()
			// A root and a working directory of this thread's own, or setns says EINVAL.
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("unshare(CLONE_FS): %w", err)
			}
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("setns(%s): %w", ns.Name(), err)
			}
			return fn()
		}()
	}()
	return <-done
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
