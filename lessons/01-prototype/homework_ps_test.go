package main

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

var columns = regexp.MustCompile(`^CONTAINER ID +COMMAND +CREATED +STATUS +PID +NAME *$`)

// checkPs: the list for people, docker's way.
func checkPs(t *grade.T) {
	if res := t.Mydocker("ps").Run(); !columns.MatchString(firstLine(res.Stdout)) {
		t.Saw("mydocker ps", orNothing(res.Stdout+res.Stderr))
		t.Wrong("ps-columns",
			"the first line of ps is to name the columns CONTAINER ID, COMMAND, CREATED, STATUS, PID, NAME, even if there is nothing below",
			"первая строка ps называет столбцы CONTAINER ID, COMMAND, CREATED, STATUS, PID, NAME, даже если под ней пусто")
	}
	expectCode(t, t.Mydocker("run", "--name", "three", "sh", "-c", "exit 3").Run(), 3, "mydocker run sh -c 'exit 3'")
	expectCode(t, t.Mydocker("run", "--name", "killed", "sh", "-c", "kill -9 $$").Run(), 137, "mydocker run sh -c 'kill -9 $$'")
	w := newProbe(t)
	p := t.Mydocker(append([]string{"run", "--name", "alive"}, w.args()...)...).Start()
	pid := w.find(t, p)

	// Running ones, and only those. The record comes a moment after the process.
	var out, line string
	if !t.Eventually(patience, func() bool {
		out = t.Mydocker("ps").Run().Stdout
		line = lineOf(out, "alive")
		return line != ""
	}) {
		t.Saw("mydocker ps", orNothing(out))
		t.Wrong("ps-missing",
			"process %d runs, and ps has no line for its container, named alive",
			"процесс %d работает, а в ps нет строки его контейнера по имени alive", pid)
	}
	t.Saw("mydocker ps", line)
	if strings.Count(strings.TrimSpace(out), "\n") != 1 {
		t.Saw("mydocker ps", out)
		t.Wrong("ps-exited",
			"one container runs, and ps without -a prints %d: those that have exited are shown by ps -a",
			"работает один контейнер, а ps без -a печатает %d: завершившиеся показывает ps -a", strings.Count(strings.TrimSpace(out), "\n"))
	}
	if !regexp.MustCompile(fmt.Sprintf(`^[0-9a-f]{12} .*\bUp .* %d +alive\s*$`, pid)).MatchString(line) {
		t.Wrong("ps-line",
			"the line of a running container has its 12-digit id first, then a STATUS that begins with Up, the PID that the kernel knows it by (%d), and its name",
			"в строке работающего контейнера сначала 12 цифр идентификатора, затем STATUS, который начинается с Up, PID, под которым его знает ядро (%d), и имя", pid)
	}

	// All of them.
	out = t.Mydocker("ps", "-a").Run().Stdout
	for name, status := range map[string]string{"three": "Exited (3) ", "killed": "Exited (137) ", "alive": "Up "} {
		line := lineOf(out, name)
		if line == "" {
			t.Saw("mydocker ps -a", orNothing(out))
			t.Wrong("ps-all",
				"ps -a has no line for the container %s",
				"в ps -a нет строки контейнера %s", name)
		}
		if !strings.Contains(line, status) {
			t.Saw("mydocker ps -a", line)
			t.Wrong("ps-status",
				"the STATUS of container %s begins with %q: how it ended is known, wait(2) has said it (128+n for signal n)",
				"STATUS контейнера %s начинается с %q: чем он кончился, известно, это сказал wait(2) (128+n для сигнала n)", name, strings.TrimSpace(status))
		}
	}
	unix.Kill(pid, unix.SIGKILL)
	p.Wait()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// lineOf finds the line of a container by its name, the last column.
func lineOf(out, name string) string {
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 1 && f[len(f)-1] == name {
			return strings.TrimRight(line, " \n")
		}
	}
	return ""
}
