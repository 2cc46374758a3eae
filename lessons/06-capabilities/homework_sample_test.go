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

// What the checks of all tasks stand on: a rootfs with this very program in it, a command that
// can be found among all processes, and what the kernel says of that.

const patience = 5 * time.Second // for a state to come; scaled under emulation

// dockers is docker's default set, as the kernel writes it.
const dockers, nothing = "00000000a80425fb", "0000000000000000"

// The main thread is what /proc/PID shows of us: it does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// makeRootfs makes a root of busybox, with this test's own program as /bin/probe: what it
// does when it is started there is in homework_probe_test.go.
func makeRootfs(t *grade.T) string {
	t.Helper()
	dir := t.TempDir()
	busybox, err1 := exec.LookPath("busybox")
	probe, err2 := os.Executable()
	if err := errors.Join(err1, err2); err != nil {
		t.Broken(err)
	}
	copyFile(t, busybox, filepath.Join(dir, "bin", "busybox"))
	for _, name := range strings.Fields("sh ls cat sleep true grep") {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Broken(err)
		}
	}
	copyFile(t, probe, filepath.Join(dir, "bin", "probe"))
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

// probe runs this program in a container, as one of probes, and reads its report.
func probe(t *grade.T, rootfs, name string, flags ...string) map[string]string {
	t.Helper()
	args := slices.Concat([]string{"run", "--rootfs", rootfs}, flags, []string{"/bin/probe", probeArg, name})
	res := t.Mydocker(args...).Timeout(20 * time.Second).Run() // the program is large, and a guest may be busy
	call := "mydocker " + strings.Join(append(append([]string{"run"}, flags...), "a program of the check"), " ")
	if res.Code == 128+int(unix.SIGSYS) {
		t.Saw(call, fmt.Sprintf("exit %d: SIGSYS", res.Code))
		t.Wrong("killed",
			"an ordinary program was killed by the filter: SIGSYS. Nobody knows what a program will try, and most live with a no: the answer to what is not on the list is EPERM. See proof `kills`.",
			"фильтр убил обычную программу: SIGSYS. Что попробует программа, не знает никто, и с отказом большинство живёт: ответ на то, чего нет в списке, — EPERM. См. доказательство `kills`.")
	}
	expectCode(t, res, 0, call)
	return report(t, res.Stdout)
}

func report(t *grade.T, text string) (got map[string]string) {
	t.Helper()
	t.Report(text, &got)
	return got
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
	case strings.Contains(said, "CAPBSET_DROP") && strings.Contains(said, "not permitted"):
		t.Wrong("order",
			"EPERM from prctl(PR_CAPBSET_DROP): that takes CAP_SETPCAP, which capset(2) has taken away already. The bounding set comes first. See proof `bounding`. mydocker said: %s",
			"EPERM от prctl(PR_CAPBSET_DROP): для него нужна CAP_SETPCAP, а её уже отнял capset(2). Bounding идёт первым. См. доказательство `bounding`. mydocker написал: %s", said)
	case strings.Contains(said, "eccomp") && strings.Contains(said, "permission denied"):
		t.Wrong("filter-refused",
			"EACCES from seccomp(2): without CAP_SYS_ADMIN a filter takes no_new_privs, set before. See proof `stays`. mydocker said: %s",
			"EACCES от seccomp(2): без CAP_SYS_ADMIN фильтру нужен no_new_privs, поставленный раньше. См. доказательство `stays`. mydocker написал: %s", said)
	}
	t.Wrong("not-started",
		"mydocker run was called, and no process of the command appeared. It said: %s",
		"mydocker run вызван, а процесса команды так и нет. Он написал: %s", orNothing(said))
	return 0
}

// start runs a sample and returns when it is there.
func start(t *grade.T, flags ...string) (p *grade.Process, pid int) {
	t.Helper()
	s := script(t, "echo up")
	p = t.Mydocker(s.run(flags...)...).Start()
	return p, s.find(t, p)
}

// end ends a container by its mydocker.
func end(p *grade.Process) {
	p.Signal(syscall.SIGTERM)
	p.Wait()
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
