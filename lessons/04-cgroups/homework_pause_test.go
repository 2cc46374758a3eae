package main_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"mydocker.example/shared/grade"
)

// checkPause: a paused container stands still by the freezer and not by a signal; unpause and
// kill reach it.
func checkPause(t *grade.T) {
	rootfs := makeRootfs(t)
	p, pid := start(t, "(while :; do :; done) & echo up", "--rootfs", rootfs, "--name", "hog", "--pids", "50")
	g := ownGroup(t, pid)
	says(t, p, "up")
	expectCode(t, t.Mydocker("pause", "hog").Run(), 0, "mydocker pause")
	frozen(t, p, pid, g)
	if res := t.Mydocker("pause", "hog").Run(); res.Code != 125 || strings.TrimSpace(res.Stderr) == "" {
		t.Wrong("pause-twice",
			"mydocker pause of a container that is paused already is to be refused with 125 and a word; it exited with %d",
			"mydocker pause для контейнера, который уже на паузе, следует отклонить с кодом 125 и объяснением; код был %d", res.Code)
	}
	expectCode(t, t.Mydocker("unpause", "hog").Run(), 0, "mydocker unpause")
	used := g.field("cpu.stat", "usage_usec")
	if g.field("cgroup.events", "frozen") != 0 || !t.Eventually(patience, func() bool { return g.field("cpu.stat", "usage_usec") > used }) {
		t.Saw("cat "+string(g)+"/cgroup.events", g.read("cgroup.events"))
		t.Wrong("still-frozen",
			"mydocker unpause has returned, and the container stands still",
			"mydocker unpause вернулся, а контейнер стоит")
	}
	if res := t.Mydocker("unpause", "hog").Run(); res.Code != 125 || strings.TrimSpace(res.Stderr) == "" {
		t.Wrong("unpause-running",
			"mydocker unpause of a container that is not paused is to be refused with 125 and a word; it exited with %d",
			"mydocker unpause для контейнера не на паузе следует отклонить с кодом 125 и объяснением; код был %d", res.Code)
	}
	// What is frozen can be killed.
	expectCode(t, t.Mydocker("pause", "hog").Run(), 0, "mydocker pause, again")
	expectCode(t, t.Mydocker("kill", "hog").Run(), 0, "mydocker kill of a paused container")
	expectCode(t, p.Wait(), 137, "mydocker run of the container that was killed while it was paused")
	for _, call := range [][]string{{"pause", "hog"}, {"unpause", "hog"}, {"pause", "nosuch"}} {
		if res := t.Mydocker(call...).Run(); res.Code != 125 || strings.TrimSpace(res.Stderr) == "" {
			t.Saw("mydocker "+strings.Join(call, " "), fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
			t.Wrong("pause-nothing",
				"mydocker %s of a container that does not run, or is not there, is to be refused with 125 and a word; it exited with %d",
				"mydocker %s для контейнера, который не работает или которого нет, следует отклонить с кодом 125 и объяснением; код был %d", call[0], res.Code)
		}
	}
}

// frozen: the kernel says so, nobody was stopped by a signal, and no time is used.
func frozen(t *grade.T, p *grade.Process, pid int, g group) {
	t.Helper()
	for _, one := range processesIn(pid) {
		if state := stateOf(one); state == "T" {
			t.Saw(fmt.Sprintf("grep State /proc/%d/status", one), state)
			t.Wrong("stopped-by-signal",
				"process %d of the container was stopped by SIGSTOP: its parent is told of that, SIGCONT from anybody wakes it, and a process that is born meanwhile runs. The freezer is `cgroup.freeze`. See proof `freeze`.",
				"процесс %d контейнера остановлен сигналом SIGSTOP: об этом сообщают родителю, SIGCONT от кого угодно его разбудит, а тот, кто тем временем родится, работает. Заморозка — это `cgroup.freeze`. См. доказательство `freeze`.", one)
		}
	}
	if g.field("cgroup.events", "frozen") != 1 {
		t.Saw("cat "+string(g)+"/cgroup.freeze", g.read("cgroup.freeze"))
		t.Saw("cat "+string(g)+"/cgroup.events", g.read("cgroup.events"))
		t.Wrong("not-frozen",
			"mydocker pause has returned, and the kernel says that the container's group is not frozen. A write to cgroup.freeze asks for it; that it is so stands in cgroup.events, a moment later.",
			"mydocker pause вернулся, а группа контейнера, по словам ядра, не заморожена. Запись в cgroup.freeze только просит об этом; что это случилось, мгновением позже написано в cgroup.events.")
	}
	if p.Ended() {
		t.Wrong("pause-ends", "mydocker run has ended because its container was paused", "mydocker run завершился оттого, что его контейнер поставили на паузу")
	}
	time.Sleep(50 * time.Millisecond) // cpu.stat is brought up to date with the tick
	before := g.field("cpu.stat", "usage_usec")
	time.Sleep(300 * time.Millisecond)
	if after := g.field("cpu.stat", "usage_usec"); after != before {
		t.Wrong("frozen-runs",
			"the container is paused, and has used %d µs of processor time meanwhile",
			"контейнер на паузе, а процессорного времени за это время потратил %d мкс", after-before)
	}
}

// stateOf is the letter in /proc/PID/stat, behind the name: R, S, D, T, Z.
func stateOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	state, _, _ := strings.Cut(rest, " ")
	return state
}
