package main_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
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

// What the checks of all tasks stand on: a command that can be found again among all
// processes, what the kernel says of it, and what mydocker says of it.

const patience = 5 * time.Second // for a state to come; scaled under emulation

// The main thread is what /proc/PID shows of us. No check that enters a namespace may do so
// on it: it stays with the main goroutine, which does nothing but wait for the tests.
func init() { runtime.LockOSThread() }

// A sample is a command for mydocker to run. It is no Go program: that would have a handler
// for every signal (proof init-shield). Its last argument is like no other, so the checks
// find it in /proc without asking mydocker.
type sample struct{ argv []string }

// script is a shell that runs text. Its last command must be one of the shell's own, or the
// shell would become that command and forget its arguments.
func script(t *grade.T, text string) sample {
	return newSample(t, "sh", "-c", text, rand.Text())
}

// sleeper is a sleep(1): it does nothing about any signal.
func sleeper(t *grade.T) sample {
	n, err := rand.Int(rand.Reader, big.NewInt(1e9))
	if err != nil {
		t.Broken(err)
	}
	return newSample(t, "sleep", fmt.Sprintf("600.%09d", n))
}

func newSample(t *grade.T, argv ...string) sample {
	s := sample{argv}
	t.Cleanup(func() { // whatever the verdict, it does not stay
		if pid := s.pid(); pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	return s
}

// run puts the sample behind mydocker run and flags.
func (s sample) run(flags ...string) []string {
	return slices.Concat([]string{"run"}, flags, s.argv)
}

// pid asks the kernel for the sample's process; 0: there is none.
func (s sample) pid() int {
	for _, pid := range everybody() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // gone in the meantime
		}
		// mydocker has the token among its arguments too, behind some of its own.
		if string(line) == strings.Join(s.argv, "\x00")+"\x00" {
			return pid
		}
	}
	return 0
}

// find waits until the kernel has the sample as a process, and returns its PID. p is the
// mydocker that is to run it, nil if that has ended with success.
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

// everybody lists all processes.
func everybody() (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		pids = append(pids, pid)
	}
	return pids
}

// link is where a magic link of /proc leads: pid:[4026531836]. "" when the process is gone.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	return target
}

// numbers is the line NSpid: outside first, then one for each PID namespace further in.
func numbers(pid int) (all []int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "NSpid:"); ok {
			for _, field := range strings.Fields(list) {
				n, _ := strconv.Atoi(field)
				all = append(all, n)
			}
		}
	}
	return all
}

// A life is what tells a process from a later one of the same PID.
type life struct {
	state string
	start uint64
}

// lifeOf reads /proc/PID/stat, of the procfs at root; not ok: there is no such process.
func lifeOf(root string, pid int) (l life, ok bool) {
	line, err := os.ReadFile(fmt.Sprintf("%s/proc/%d/stat", root, pid))
	if err != nil {
		return l, false
	}
	f := strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:])) // f[0] is field 3
	if len(f) < 20 {
		return l, false
	}
	l.state = f[0]
	l.start, _ = strconv.ParseUint(f[19], 10, 64)
	return l, true
}

// alive is true as long as the process that began at start runs.
func alive(pid int, start uint64) bool {
	l, ok := lifeOf("", pid)
	return ok && l.start == start && l.state != "Z" && l.state != "X"
}

// inside lists the processes of the PID namespace that pid is in, and of those further in:
// the outside PID, and the number that it has in that namespace. It ends the task if that
// is our own namespace: the checks kill by what it says.
func inside(t *grade.T, pid int) map[int]int {
	t.Helper()
	if theirs := link(pid, "ns/pid"); theirs == link(os.Getpid(), "ns/pid") {
		t.Saw(fmt.Sprintf("readlink /proc/%d/ns/pid /proc/self/ns/pid", pid), theirs+" "+theirs)
		t.Wrong("ns-pid",
			"the command is in no PID namespace of its own: see task 2.1 first",
			"у команды нет своего пространства PID: сначала задание 2.1")
	}
	own, level := ancestry(pid), len(numbers(pid))-1
	found := map[int]int{}
	for _, other := range everybody() {
		if len(own) == 0 || !slices.Contains(ancestry(other), own[0]) {
			continue
		}
		if n := numbers(other); len(n) > level {
			found[other] = n[level]
		}
	}
	return found
}

// ancestry lists the inodes of a process's PID namespace and of its parents.
func ancestry(pid int) (inodes []uint64) {
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/pid", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == nil {
		var st unix.Stat_t
		if unix.Fstat(ns, &st) == nil {
			inodes = append(inodes, st.Ino)
		}
		var parent int
		parent, err = unix.IoctlRetInt(ns, unix.NS_GET_PARENT)
		unix.Close(ns)
		ns = parent
	}
	return inodes
}

// initOf is the outside PID of process 1 of the namespace that pid is in.
func initOf(t *grade.T, pid int) int {
	t.Helper()
	for outside, in := range inside(t, pid) {
		if in == 1 {
			return outside
		}
	}
	t.Broken(fmt.Errorf("no process 1 in the PID namespace of %d", pid))
	return 0
}

// reap waits for children that the kernel gave to us, as a subreaper, when their parent
// died. For these alone: all others have somebody who waits for them.
func reap(pids ...int) {
	for _, pid := range pids {
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

// A shown is a container as mydocker ps --json shows it.
type shown struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"`
	PID      int    `json:"pid"`
	ExitCode *int   `json:"exit_code"`
	PIDs     []struct {
		Inside  int `json:"inside"`
		Outside int `json:"outside"`
	} `json:"pids"`
}

func (c shown) code() string {
	if c.ExitCode == nil {
		return "none"
	}
	return strconv.Itoa(*c.ExitCode)
}

// lookUp asks mydocker ps -a --json for a container by its name.
func lookUp(t *grade.T, name string) shown {
	t.Helper()
	res := t.Mydocker("ps", "-a", "--json").Run()
	var all []shown
	if err := json.Unmarshal([]byte(res.Stdout), &all); err != nil {
		t.Saw("mydocker ps -a --json", orNothing(res.Stdout+res.Stderr))
		t.Wrong("ps-json",
			"mydocker ps --json does not print a JSON array: %v",
			"mydocker ps --json печатает не массив JSON: %v", err)
	}
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return shown{}
}

// expectCode ends the task when a call did not exit as it should.
func expectCode(t *grade.T, res grade.Result, want int, call string) {
	t.Helper()
	if res.Code == want && !res.TimedOut {
		return
	}
	t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
	switch {
	case res.TimedOut:
		t.Wrong("does-not-end",
			"%s does not come to an end",
			"%s не завершается", call)
	case want > 128:
		t.Wrong("exit-signal",
			"%s: signal %d ended the command, and mydocker exited with %d. The number is 128+%d; process 1 has to exit with it, and its parent to hand it on.",
			"%s: команду завершил сигнал %d, а mydocker вышел с кодом %d. Нужно 128+%d: с этим числом должен выйти процесс 1, а его родитель передать дальше.",
			call, want-128, res.Code, want-128)
	default:
		t.Wrong("exit-code",
			"%s exited with %d, not %d",
			"%s: код завершения %d, а должен быть %d", call, res.Code, want)
	}
}

func orNothing(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return "(nothing)"
	}
	return s
}
