package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkStop: containers in the background are stopped, signalled and removed, whatever
// state their record is in, and nobody else is hit.
func checkStop(t *grade.T) {
	contained(t)
	stopsAtOnce(t)
	stopsTheStubborn(t)
	signals(t)
	removes(t)
	removesTheDamaged(t)
	sparesStrangers(t)
}

// background starts a container with -d, and returns its id and the PID of its command.
func background(t *grade.T, name string, s sample) (id string, pid int) {
	t.Helper()
	flags := []string{"-d", "--name", name}
	if name == "" {
		flags = flags[:1]
	}
	res := t.Mydocker(s.run(flags...)...).Run()
	expectCode(t, res, 0, "mydocker run -d")
	return strings.TrimSpace(res.Stdout), s.find(t, nil)
}

func stopsAtOnce(t *grade.T) {
	_, pid := background(t, "quick", sleeper(t))
	l, _ := lifeOf("", pid)
	res := t.Mydocker("stop", "-t", "60", "quick").Run()
	switch {
	case res.TimedOut:
		t.Wrong("stop-slow",
			"mydocker stop of a sleep(1) waits for its grace of 60 s. A sleep dies of SIGTERM at once, if it gets it and if it is not process 1; then look that stop waits for the end, and not for the time.",
			"mydocker stop для sleep(1) выжидает всю отсрочку, 60 с. sleep умирает от SIGTERM сразу, если сигнал дошёл и если он не процесс 1; а stop должен ждать конца, а не истечения времени.")
	case alive(pid, l.start):
		t.Wrong("stop-early",
			"mydocker stop has returned, and process %d of the container still runs: it returns when the container has ended",
			"mydocker stop вернулся, а процесс %d контейнера ещё работает: возвращаться надо, когда контейнер завершился", pid)
	}
	expectCode(t, res, 0, "mydocker stop")
	if c := lookUp(t, "quick"); c.State != "exited" || c.code() != "143" {
		t.Saw("mydocker ps -a --json, right after stop", fmt.Sprintf("state %s, exit code %s", c.State, c.code()))
		t.Wrong("stop-record",
			"a container that SIGTERM ended has exit code 143 (128+15), and it is in the record when stop returns; here: state %s, exit code %s",
			"у контейнера, завершённого SIGTERM, код 143 (128+15), и он уже записан, когда stop возвращается; здесь состояние %s, код %s", c.State, c.code())
	}
}

func stopsTheStubborn(t *grade.T) {
	s := script(t, `trap "" TERM; echo deaf; while :; do sleep 0.1; done`)
	_, pid := background(t, "stubborn", s)
	l, _ := lifeOf("", pid)
	t.Eventually(patience, func() bool { return strings.Contains(t.Mydocker("logs", "stubborn").Run().Stdout, "deaf") })
	begin := time.Now()
	res := t.Mydocker("stop", "-t", "2", "stubborn").Run()
	took := time.Since(begin)
	switch {
	case res.TimedOut || alive(pid, l.start):
		t.Wrong("stop-never",
			"the command ignores SIGTERM, and mydocker stop -t 2 has not ended it: when the grace is over comes SIGKILL",
			"команда не обращает внимания на SIGTERM, и mydocker stop -t 2 её не завершил: когда отсрочка истекла, следует SIGKILL")
	case took < 1900*time.Millisecond:
		t.Wrong("stop-hasty",
			"mydocker stop -t 2 has ended after %v a container that ignores SIGTERM: first SIGTERM, then the grace in full, then SIGKILL",
			"mydocker stop -t 2 уже через %v завершил контейнер, который не обращает внимания на SIGTERM: сначала SIGTERM, потом вся отсрочка, потом SIGKILL", took.Round(time.Millisecond))
	}
	expectCode(t, res, 0, "mydocker stop -t 2")
	if c := lookUp(t, "stubborn"); c.code() != "137" {
		t.Wrong("stop-record",
			"a container that SIGKILL ended has exit code 137 (128+9), and it is in the record when stop returns; here: state %s, exit code %s",
			"у контейнера, завершённого SIGKILL, код 137 (128+9), и он уже записан, когда stop возвращается; здесь состояние %s, код %s", c.State, c.code())
	}
}

func signals(t *grade.T) {
	s := script(t, `trap "echo heard HUP" HUP; echo ready; while :; do sleep 0.1; done`)
	_, pid := background(t, "listener", s)
	l, _ := lifeOf("", pid)
	says := func(word string) bool {
		return t.Eventually(patience, func() bool { return strings.Contains(t.Mydocker("logs", "listener").Run().Stdout, word) })
	}
	says("ready")
	expectCode(t, t.Mydocker("kill", "-s", "HUP", "listener").Run(), 0, "mydocker kill -s HUP")
	if !says("heard HUP") {
		t.Wrong("kill-signal",
			"mydocker kill -s HUP: the command has a trap for SIGHUP, and has not heard it",
			"mydocker kill -s HUP: у команды есть trap на SIGHUP, а сигнал до неё не дошёл")
	}
	if res := t.Mydocker("kill", "-s", "NOSUCH", "listener").Run(); res.Code != 125 || !alive(pid, l.start) {
		t.Wrong("kill-nonsense",
			"mydocker kill -s NOSUCH is to be refused with 125, and the container is to live; the exit code was %d",
			"mydocker kill -s NOSUCH следует отклонить с кодом 125, и контейнер должен остаться жив; код был %d", res.Code)
	}
	expectCode(t, t.Mydocker("kill", "listener").Run(), 0, "mydocker kill")
	if !t.Eventually(patience, func() bool { c := lookUp(t, "listener"); return c.code() == "137" }) || alive(pid, l.start) {
		t.Wrong("kill-default",
			"mydocker kill without -s sends SIGKILL: the container is to end with 137; ps shows %s",
			"mydocker kill без -s посылает SIGKILL: контейнер должен завершиться с кодом 137; ps показывает %s", lookUp(t, "listener").code())
	}
}

func removes(t *grade.T) {
	s := sleeper(t)
	id, pid := background(t, "removed", s)
	l, _ := lifeOf("", pid)
	if res := t.Mydocker("rm", "removed").Run(); res.Code == 0 || !alive(pid, l.start) {
		t.Wrong("rm-running",
			"mydocker rm without -f took a container that runs (exit code %d): it has to refuse, and to leave it alone",
			"mydocker rm без -f взялся за работающий контейнер (код %d): он должен отказаться и не трогать его", res.Code)
	}
	expectCode(t, t.Mydocker("rm", "-f", "removed").Run(), 0, "mydocker rm -f")
	nothingOf(t, id, pid, l, "mydocker rm -f "+id)
	expectCode(t, t.Mydocker("run", "--name", "removed", "true").Run(), 0, "mydocker run --name of a container that was removed")
	expectCode(t, t.Mydocker("rm", "removed").Run(), 0, "mydocker rm of a container that has ended")
}

// nothingOf: no process and no folder is left.
func nothingOf(t *grade.T, id string, pid int, l life, call string) {
	t.Helper()
	if !t.Eventually(patience, func() bool { return !alive(pid, l.start) }) {
		t.Saw(call, "done")
		t.Wrong("rm-left",
			"%s has returned, and process %d of the container lives on, now unknown to everybody",
			"%s закончил, а процесс %d контейнера живёт, и теперь о нём не знает никто", call, pid)
	}
	if _, err := os.Lstat(folder(t, id)); err == nil {
		t.Wrong("rm-folder",
			"%s has returned, and containers/%s is still there",
			"%s закончил, а containers/%s на месте", call, id)
	}
}

func folder(t *grade.T, id string) string { return filepath.Join(t.Root(), "containers", id) }

// removesTheDamaged spoils the record of one container that runs, and takes that of another.
func removesTheDamaged(t *grade.T) {
	for _, spoil := range []func(record string) error{
		func(record string) error { return os.WriteFile(record, []byte("{"), 0o600) },
		os.Remove,
	} {
		id, pid := background(t, "", sleeper(t))
		l, _ := lifeOf("", pid)
		if err := spoil(filepath.Join(folder(t, id), "record.json")); err != nil {
			t.Broken(err)
		}
		res := t.Mydocker("rm", "-f", id).Run()
		if res.Code != 0 {
			t.Saw("mydocker rm -f, its record spoilt", fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
			unix.Kill(pid, unix.SIGKILL)
			t.Wrong("rm-damaged",
				"the record of a container is damaged or gone, and mydocker rm -f does not remove it (exit code %d). Then it would stay for ever: all that is needed must be found from the id.",
				"запись контейнера повреждена или пропала, и mydocker rm -f его не удаляет (код %d). Так он останется навсегда: всё нужное надо находить по идентификатору.", res.Code)
		}
		nothingOf(t, id, pid, l, "mydocker rm -f, the record spoilt,")
	}
}

// sparesStrangers: a container has died with its keeper, its number went to another process,
// and its record does not know. Nothing that mydocker does to it may hit that process.
func sparesStrangers(t *grade.T) {
	_, pid := background(t, "dead", sleeper(t))
	recorded := lookUp(t, "dead").PID
	keeper := parentOf(recorded)
	unix.Kill(keeper, unix.SIGKILL)
	if !t.Eventually(patience, func() bool { reap(keeper, recorded, pid); _, there := lifeOf("", recorded); return !there }) {
		t.Wrong("survivor",
			"the keeper, process %d, was killed, and process %d of its container is still there: see Pdeathsig in prepare",
			"хранитель, процесс %d, убит, а процесс %d его контейнера всё ещё есть: см. Pdeathsig в prepare", keeper, recorded)
	}
	heir := reuse(t, recorded)
	defer func() {
		heir.Process.Kill()
		heir.Wait()
	}()
	now, _ := lifeOf("", recorded)
	for _, args := range [][]string{{"kill", "dead"}, {"stop", "-t", "1", "dead"}, {"rm", "-f", "dead"}} {
		t.Mydocker(args...).Run()
		if !alive(recorded, now.start) {
			t.Saw(fmt.Sprintf("/proc/%d/stat, a new process, after mydocker %s dead", recorded, args[0]), "gone")
			t.Wrong("stranger-hit",
				"the container was dead, its number %d had been given to another process, and mydocker %s has killed that. Before a signal is sent compare the start time, and send it by pidfd: store.Signal does.",
				"контейнер был мёртв, его номер %d достался другому процессу, и mydocker %s убил именно его. Перед сигналом сравните время старта, а посылайте через pidfd: так делает store.Signal.", recorded, args[0])
		}
	}
}

func parentOf(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		var parent int
		if n, _ := fmt.Sscanf(line, "PPid: %d", &parent); n == 1 {
			return parent
		}
	}
	return 0
}

// reuse starts processes until one has the wanted PID. The kernel gives out the first free
// number after the last one given, and lets root say which that was (proc(5)).
func reuse(t *grade.T, pid int) *exec.Cmd {
	t.Helper()
	for range 500 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", fmt.Append(nil, pid-1), 0); err != nil {
			t.Broken(err)
		}
		cmd := exec.Command("sleep", "600")
		if err := cmd.Start(); err != nil {
			t.Broken(err)
		}
		if cmd.Process.Pid == pid {
			return cmd
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Broken(fmt.Errorf("no process got PID %d in 500 tries", pid))
	return nil
}
