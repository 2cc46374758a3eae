package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// bootLimit is for one boot, the scene, and the end.
const bootLimit = time.Minute

// A boot is what came of one machine: its console, and what arrived at its exit port.
type boot struct {
	word     string // with which the witness begins its lines
	console  string
	exit     string
	timedOut bool
	err      error
}

// boots are those that were made: several tasks look at one.
var boots = map[string]*boot{}

// bootScene boots a machine whose init is the program under test and whose command is the
// witness, in one of its scenes.
func bootScene(t *grade.T, scene string) *boot {
	if boots[scene] == nil {
		boots[scene] = bootOnce(t.Binary(), scene)
	}
	b := boots[scene]
	if b.err != nil {
		t.Broken(b.err)
	}
	return b
}

func bootOnce(init, scene string) *boot {
	b := &boot{word: rand.Text()}
	self, err := os.Executable()
	if err == nil {
		err = static(self)
	}
	if err != nil {
		b.err = err
		return b
	}
	fd, err := unix.MemfdCreate("exit", unix.MFD_CLOEXEC)
	if err != nil {
		b.err = fmt.Errorf("memfd_create: %w", err)
		return b
	}
	port := os.NewFile(uintptr(fd), "exit") // closed by start
	arrived, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		b.err = err
		return b
	}
	defer arrived.Close()
	board := boards[runtime.GOARCH]
	cmd, err := guest{
		programs: map[string]string{"init": init, "bin/witness": self},
		init:     "/init",
		params:   "loglevel=1 EXIT_PORT=/dev/" + board.second, // 1: panic and power-off are heard, warnings are not
		args:     []string{"witness", scene, b.word},
	}.qemu()
	if err != nil {
		port.Close()
		b.err = err
		return b
	}
	cmd.Args = append(cmd.Args, "-serial", "file:/proc/self/fd/4")
	cmd.ExtraFiles = append(cmd.ExtraFiles, port)
	machine, err := start(cmd)
	if err != nil {
		b.err = err
		return b
	}
	limit := time.AfterFunc(bootLimit, func() { machine.cmd.Process.Kill() })
	b.console, _, b.err = machine.rest()
	b.timedOut = !limit.Stop()
	exit, err := io.ReadAll(arrived)
	if b.err == nil {
		b.err = err
	}
	b.exit = strings.TrimSpace(string(exit))
	if !strings.Contains(b.console, "init") && b.err == nil && !b.timedOut && b.panic() == "" {
		b.err = fmt.Errorf("QEMU did not boot a kernel:\n%s", b.tail())
	}
	return b
}

// accounts are what the witness has said, in its order.
func (b *boot) accounts() (all []account) {
	for line := range strings.Lines(b.console) {
		var a account
		text, ours := strings.CutPrefix(line, b.word+" {")
		if ours && json.Unmarshal([]byte("{"+text), &a) == nil {
			all = append(all, a)
		}
	}
	return all
}

// saved says whether the process that was left behind has had the time to finish.
func (b *boot) saved() bool { return strings.Contains(b.console, b.word+" saved\n") }

// off says whether the machine was switched off, as it should be.
func (b *boot) off() bool { return strings.Contains(b.console, "reboot: Power down") }

func (b *boot) panic() string { return regexp.MustCompile(`Kernel panic.*`).FindString(b.console) }

// wrong ends the task, with the end of the console beside the diagnosis.
func (b *boot) wrong(t *grade.T, diagnosis, en, ru string, args ...any) {
	t.Saw("the end of the console", b.tail())
	t.Wrong(diagnosis, en, ru, args...)
}

// tail is the console's end, for people: without the trees, what the witness said, and what
// a panic says to kernel engineers.
func (b *boot) tail() string {
	text, after, panicked := strings.Cut(b.console, "Kernel panic")
	if panicked {
		first, _, _ := strings.Cut(after, "\n")
		text += "Kernel panic" + first
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, b.word) || treeLine.MatchString(line) {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}

var todoLine = regexp.MustCompile(`todo: (\S+): .*`)

// unwritten ends the task when it, or one that it stands on, is not written yet.
func (b *boot) unwritten(t *grade.T, tasks ...string) {
	for _, task := range tasks {
		for _, m := range todoLine.FindAllStringSubmatch(b.console, -1) {
			if m[1] == task {
				t.Todo(m[0])
			}
		}
	}
}

// witness is the witness's last account; without one the task cannot be judged.
func (b *boot) witness(t *grade.T, complete int) account {
	all := b.accounts()
	if len(all) == 0 {
		b.wrong(t, "command-not-started",
			"init was to run the command %q, and the command has said nothing: it was not started, or its output does not reach the console. The task child comes first",
			"init должен был запустить команду %q, а команда молчит: её не запустили или её вывод не попадает на консоль. Сначала сделайте задание child", "witness")
	}
	if len(all) < complete {
		b.wrong(t, "early-end",
			"the machine was going down while the command was still running: the end of an orphan is not the end of the command. Compare the PID that wait4(2) returns",
			"машина выключалась, когда команда ещё работала: конец сироты — ещё не конец команды. Сравнивайте PID, который вернул wait4(2)")
	}
	return all[len(all)-1]
}
