package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkDetach: a container in the background, and its output.
func checkDetach(t *grade.T) {
	expectNoLog(t)
	w := newProbe(t)
	w.says = true
	id := startDetached(t, w)
	pid := w.find(t, nil)
	st, err := readProcStat(pid)
	if err != nil {
		t.Broken(err)
	}

	ownSession(t, pid, st)
	readLogs(t, id, w.token)

	// The keeper dies: no container without one.
	if st.parent <= 1 || st.parent == os.Getpid() {
		t.Wrong("no-keeper",
			"the parent of the command is process %d: mydocker run -d started it and left, and nobody will wait for it. Leave a keeper behind: mydocker once more, as the command's parent.",
			"родитель команды: процесс %d. mydocker run -d запустил её и ушёл, и дожидаться её некому. Оставьте хранителя: ещё один mydocker, родитель команды.", st.parent)
	}
	if err := unix.Kill(st.parent, unix.SIGKILL); err != nil {
		t.Broken(err)
	}
	if !t.Eventually(patience, func() bool { return !lives(pid, st.start) }) {
		unix.Kill(pid, unix.SIGKILL)
		t.Wrong("orphan",
			"the keeper, process %d, was killed, and the command lives on: see proof `orphan`, and Pdeathsig in prepare",
			"хранитель, процесс %d, убит, а команда живёт: см. доказательство `orphan` и Pdeathsig в prepare", st.parent)
	}

	// One that ends by itself: somebody waits for it, after run -d has long returned.
	expectCode(t, t.Mydocker("run", "-d", "--name", "five", "sh", "-c", "exit 5").Run(), 0, "mydocker run -d sh -c 'exit 5'")
	var c shown
	if !t.Eventually(patience, func() bool {
		c, _ = byName(psJSON(t, "-a"), "five")
		return c.ExitCode != nil && *c.ExitCode == 5
	}) {
		t.Saw("mydocker ps -a --json", fmt.Sprintf("state %s, exit code %v", c.State, c.ExitCode))
		t.Wrong("nobody-waits",
			"a container that was started with -d has exited with 5, and no record ever says so: the keeper has to wait(2) for it and to save the record",
			"контейнер, запущенный с -d, вышел с кодом 5, но ни одна запись этого не говорит: хранитель должен дождаться его через wait(2) и сохранить запись")
	}
	expectCode(t, t.Mydocker("run", "-d", "no-such-command").Run(), 127, "mydocker run -d no-such-command")
	unix.Wait4(pid, nil, unix.WNOHANG, nil) // ours since its parent died
	unix.Wait4(st.parent, nil, unix.WNOHANG, nil)
}

// startDetached runs mydocker run -d as id=$(mydocker run -d …) does: its stdout is a pipe,
// read to the end. It is called by hand: who holds the pipe's other end is the question.
func startDetached(t *grade.T, w probe) (id string) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Broken(err)
	}
	defer ours.Close()
	cmd := exec.Command(os.Getenv("MYDOCKER"), append([]string{"run", "-d"}, w.args()...)...)
	cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+t.Root())
	cmd.Stdout = theirs
	if err := cmd.Start(); err != nil {
		t.Broken(err)
	}
	theirs.Close()

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if !within(t, ended) {
		t.Saw(fmt.Sprintf("ps -o stat,args -p %d", cmd.Process.Pid), "still there")
		cmd.Process.Kill()
		t.Wrong("detach-waits",
			"mydocker run -d does not return while its command runs. If it waits for a pipe to end, look who else holds the writing end: the mydocker that reads it, or the command.",
			"mydocker run -d не возвращается, пока работает команда. Если он ждёт конца канала, посмотрите, кто ещё держит пишущий конец: сам читающий mydocker или команда.")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		// Again by the grader's own hand: a part that is not written yet is told apart there.
		res := t.Mydocker("run", "-d", "true").Run()
		expectCode(t, res, 0, "mydocker run -d true")
		t.Wrong("exit-code",
			"mydocker run -d exited with %d, not 0",
			"mydocker run -d: код завершения %d, а должен быть 0", code)
	}

	var out bytes.Buffer
	end := make(chan error, 1)
	go func() { _, err := io.Copy(&out, ours); end <- err }()
	if !within(t, end) {
		holder := w.pid()
		t.Saw(fmt.Sprintf("readlink /proc/%d/fd/1", holder), readlink(fmt.Sprintf("/proc/%d/fd/1", holder)))
		t.Wrong("detach-holds",
			"mydocker run -d has returned, and its caller's pipe is still open: id=$(mydocker run -d …) would hang. The keeper or the command has inherited stdout; their output belongs into the log. A pipe ends when nobody holds the writing end: see proof `meet-pipe`.",
			"mydocker run -d вернулся, а канал вызвавшего всё ещё открыт: id=$(mydocker run -d …) зависнет. Хранитель или команда унаследовали stdout, а их выводу место в журнале. Канал кончается, когда пишущий конец не держит никто: см. доказательство `meet-pipe`.")
	}
	id = strings.TrimSpace(out.String())
	t.Saw("id=$(mydocker run -d …)", id)
	if !idForm.MatchString(id) {
		t.Wrong("detach-id",
			"mydocker run -d prints the id of the container, 12 hex digits, and nothing else; here: %q",
			"mydocker run -d печатает идентификатор контейнера, 12 шестнадцатеричных цифр, и больше ничего; здесь: %q", id)
	}
	return id
}

// within waits for an answer, with the checks' patience.
func within(t *grade.T, answer <-chan error) bool {
	return t.Eventually(patience, func() bool {
		select {
		case <-answer:
			return true
		default:
			return false
		}
	})
}

func readlink(path string) string {
	target, err := os.Readlink(path)
	if err != nil {
		return err.Error()
	}
	return target
}

// ownSession: neither the command nor its keeper belongs to the caller's session any more.
func ownSession(t *grade.T, pid int, st procStat) {
	mine, err := unix.Getsid(0)
	if err != nil {
		t.Broken(err)
	}
	t.Saw(fmt.Sprintf("/proc/%d/stat: session, terminal", pid), fmt.Sprintf("%d, %d (the caller's session: %d)", st.session, st.tty, mine))
	if st.session == mine {
		unix.Kill(pid, unix.SIGKILL)
		t.Wrong("session",
			"the command is still in its caller's session, %d: when the terminal closes, the kernel sends SIGHUP to it. Start the keeper in a session of its own: SysProcAttr.Setsid, setsid(2).",
			"команда всё ещё в сеансе вызвавшего, %d: когда терминал закроется, ядро пошлёт ей SIGHUP. Запустите хранителя в собственном сеансе: SysProcAttr.Setsid, setsid(2).", mine)
	}
}

// readLogs: both streams, by the id and by a beginning of it.
func readLogs(t *grade.T, id, token string) {
	for _, ref := range []string{id, id[:6]} {
		var res grade.Result
		if t.Eventually(patience, func() bool {
			res = t.Mydocker("logs", ref).Run()
			return strings.Contains(res.Stdout, "out "+token) && strings.Contains(res.Stdout, "err "+token)
		}) {
			continue
		}
		t.Saw("mydocker logs "+ref, orNothing(res.Stdout+res.Stderr))
		if ref != id {
			t.Wrong("logs-prefix",
				"mydocker logs %s works with the whole id, and not with its beginning, which no other container shares",
				"mydocker logs %s: с полным идентификатором работает, с его началом, которого нет ни у кого больше, нет", ref)
		}
		t.Wrong("logs-missing",
			"the command has written a line to stdout and one to stderr, and mydocker logs %s does not show both: descriptors 1 and 2 of the command are to be the log file",
			"команда написала строку в stdout и строку в stderr, а mydocker logs %s не показывает обе: дескрипторы 1 и 2 команды должны быть файлом журнала", ref)
	}
}

func expectNoLog(t *grade.T) {
	if res := t.Mydocker("logs", "no-such-container").Run(); res.Code == 0 {
		t.Wrong("logs-unknown",
			"mydocker logs of a container that does not exist exits with 0",
			"mydocker logs для несуществующего контейнера завершается с кодом 0")
	}
}
