package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// A probe is a command for mydocker to run: this test binary once more. Its token, in
// its arguments, is how the checks find it in /proc without asking mydocker.
type probe struct {
	exe, token string
	says       bool // whether it prints its token before it waits
}

const probeArg = "grade-probe"

// init is the probe's own life, when this binary is started as one.
func init() {
	if len(os.Args) < 3 || os.Args[1] != probeArg {
		return
	}
	if len(os.Args) > 3 {
		fmt.Println("out " + os.Args[2])
		fmt.Fprintln(os.Stderr, "err "+os.Args[2])
	}
	time.Sleep(10 * time.Minute) // the check ends it; this is for a check that was killed
	os.Exit(0)
}

func newProbe(t *grade.T) probe {
	exe, err := os.Executable()
	if err != nil {
		t.Broken(err)
	}
	w := probe{exe: exe, token: rand.Text()}
	t.Cleanup(func() { // whatever the verdict, it does not stay
		if pid := w.pid(); pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	return w
}

func (w probe) args() []string {
	args := []string{w.exe, probeArg, w.token}
	if w.says {
		args = append(args, "say")
	}
	return args
}

// find waits until the kernel has the probe as a process, and returns its PID. p is the
// mydocker that is to run it, nil if that has ended with success.
func (w probe) find(t *grade.T, p *grade.Process) int {
	t.Helper()
	pid, ended := 0, false
	t.Eventually(patience, func() bool {
		if p != nil {
			st, err := readProcStat(p.Pid())
			ended = err != nil || st.state == "Z"
		}
		pid = w.pid() // asked after that, so that a probe that outlives its mydocker is found
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
	t.Saw("grep "+w.token+" /proc/*/cmdline", "no such process")
	t.Wrong("not-started",
		"mydocker run was called, and no process of the command appeared. It said: %s",
		"mydocker run вызван, а процесса команды так и нет. Он написал: %s", orNothing(said))
	return 0
}

func (w probe) pid() int {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // gone in the meantime
		}
		// mydocker has the token among its arguments too, but further back.
		if args := strings.Split(string(line), "\x00"); len(args) > 2 && args[1] == probeArg && args[2] == w.token {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			return pid
		}
	}
	return 0
}

// A procStat is a line of /proc/PID/stat (proc_pid_stat(5)).
type procStat struct {
	state                string
	parent, session, tty int
	start                uint64
}

// readProcStat returns an error that is fs.ErrNotExist or ESRCH when there is no such process.
func readProcStat(pid int) (st procStat, err error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return st, err
	}
	f := strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:])) // f[0] is field 3
	if len(f) < 20 {
		return st, fmt.Errorf("/proc/%d/stat: %q", pid, line)
	}
	st.state = f[0]
	st.parent, _ = strconv.Atoi(f[1])
	st.session, _ = strconv.Atoi(f[3])
	st.tty, _ = strconv.Atoi(f[4])
	st.start, err = strconv.ParseUint(f[19], 10, 64)
	return st, err
}

// lives is true as long as the process that began at start runs: gone, a zombie, or a new
// owner of the PID are all the same to it.
func lives(pid int, start uint64) bool {
	st, err := readProcStat(pid)
	return err == nil && st.start == start && st.state != "Z" && st.state != "X"
}

// reap waits for a child that the kernel gave to us, as a subreaper, when its parent died.
func reap(t *grade.T, pid int) {
	t.Eventually(patience, func() bool {
		_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		if err != nil && !errors.Is(err, unix.ECHILD) && !errors.Is(err, unix.EINTR) {
			t.Broken(fmt.Errorf("wait4(%d): %w", pid, err))
		}
		_, err = readProcStat(pid)
		return err != nil
	})
}

// bootID is this boot's, from the kernel.
func bootID(t *grade.T) string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Broken(err)
	}
	return strings.TrimSpace(string(id))
}

// A shown is a container as mydocker ps --json shows it, and as its record holds it.
type shown struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Command   []string `json:"command"`
	State     string   `json:"state"`
	PID       int      `json:"pid"`
	StartTime uint64   `json:"start_time"`
	BootID    string   `json:"boot_id"`
	ExitCode  *int     `json:"exit_code"`
}

// psJSON calls mydocker ps --json.
func psJSON(t *grade.T, flags ...string) []shown {
	t.Helper()
	res := t.Mydocker(append([]string{"ps", "--json"}, flags...)...).Run()
	return parsePs(t, res.Stdout, res.Stderr)
}

func parsePs(t *grade.T, stdout, stderr string) []shown {
	t.Helper()
	var all []shown
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Saw("mydocker ps --json", orNothing(stdout+stderr))
		t.Wrong("ps-json",
			"mydocker ps --json does not print a JSON array: %v",
			"mydocker ps --json печатает не массив JSON: %v", err)
	}
	return all
}

// byName finds a container by its name.
func byName(all []shown, name string) (shown, bool) {
	for _, c := range all {
		if c.Name == name {
			return c, true
		}
	}
	return shown{}, false
}

// ids calls mydocker ps -aq: what the store remembers, without asking the kernel.
func ids(t *grade.T) (all []string, stderr string) {
	t.Helper()
	res := t.Mydocker("ps", "-a", "-q").Run()
	return strings.Fields(res.Stdout), res.Stderr
}

// recordPath is where HOMEWORK.md says that a record is.
func recordPath(t *grade.T, id string) string {
	return filepath.Join(t.Root(), "containers", id, "record.json")
}

var idForm = regexp.MustCompile(`^[0-9a-f]{12}$`)

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
			"%s: the command was ended by signal %d, and mydocker exited with %d. A process that a signal ends has no exit code of its own (ProcessState.ExitCode is -1): the number is 128+%d. See proof `exit-codes`.",
			"%s: команду завершил сигнал %d, а mydocker вышел с кодом %d. У процесса, завершённого сигналом, своего кода нет (ProcessState.ExitCode равен -1): нужно 128+%d. См. доказательство `exit-codes`.",
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
