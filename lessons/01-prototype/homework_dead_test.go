package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkDead: who runs is for the kernel to say. Each of the ways in which a PID can lie is
// brought about in earnest.
func checkDead(t *grade.T) {
	w := newProbe(t)
	p := t.Mydocker(append([]string{"run", "--name", "doomed"}, w.args()...)...).Start()
	pid := w.find(t, p)
	st, err := readProcStat(pid)
	if err != nil {
		t.Broken(err)
	}

	// It lives.
	stateIs(t, "doomed", "running", "alive-missing",
		"process %d runs, and ps --json does not show the container as running",
		"процесс %d работает, а ps --json не показывает контейнер работающим", pid)

	// mydocker dies, by a signal that it cannot see coming: the container dies with it.
	p.Signal(syscall.SIGKILL)
	p.Wait()
	if !t.Eventually(patience, func() bool { return !lives(pid, st.start) }) {
		now, _ := readProcStat(pid)
		t.Saw(fmt.Sprintf("/proc/%d/stat after kill -9 of mydocker", pid), fmt.Sprintf("state %s, parent %d", now.state, now.parent))
		unix.Kill(pid, unix.SIGKILL)
		t.Wrong("orphan",
			"mydocker was killed, and its command lives on with another parent, %d: nobody will ever wait for it in mydocker's name or record its end. An orphan is adopted, not ended (see proof `orphan`); prepare in run.go must ask for a signal at the parent's death (SysProcAttr.Pdeathsig).",
			"mydocker убит, а его команда живёт с новым родителем, %d: никто уже не дождётся её за mydocker и не запишет, чем она кончилась. Сироту усыновляют, а не завершают (см. доказательство `orphan`); prepare в run.go должна попросить сигнал на смерть родителя (SysProcAttr.Pdeathsig).", now.parent)
	}

	// Dead, and nobody has waited yet: the kernel made us its parent.
	asZombie := false
	if now, err := readProcStat(pid); err == nil && now.start == st.start && now.state == "Z" {
		t.Saw(fmt.Sprintf("/proc/%d/stat, before anybody waits", pid), "state Z")
		c, _ := byName(psJSON(t, "-a"), "doomed")
		asZombie = c.State == "running"
	}
	reap(t, pid)
	t.Saw(fmt.Sprintf("/proc/%d", pid), "no such file or directory")
	c := stateIs(t, "doomed", "exited", "dead-running",
		"mydocker was killed and process %d died with it, and ps shows the container as another state than exited. The record cannot know: nobody was left to write it. Ask the kernel, each time.",
		"mydocker убит, процесс %d умер вместе с ним, а ps показывает у контейнера не exited. Запись этого знать не может: писать было некому. Спрашивайте ядро, каждый раз.", pid)
	if asZombie {
		t.Wrong("zombie",
			"process %d was a zombie, dead and not waited for, and ps showed the container as running. Such a PID still answers kill(pid, 0), and /proc/%d is still there; field 3 of its stat is Z. See proof `zombie`.",
			"процесс %d был зомби: мёртв, но его ещё никто не дождался, а ps показал контейнер работающим. Такой PID ещё отвечает на kill(pid, 0), и /proc/%d на месте; поле 3 в stat равно Z. См. доказательство `zombie`.", pid, pid)
	}
	for _, r := range psJSON(t) {
		if r.ID == c.ID {
			t.Wrong("dead-listed",
				"ps without -a lists the running ones, and shows container %s, which is dead",
				"ps без -a показывает работающие контейнеры, а в списке мёртвый %s", c.ID)
		}
	}
	afterReuse(t, pid)
	afterReboot(t)
}

// stateIs waits until ps -a --json shows the container in a state, or ends the task.
func stateIs(t *grade.T, name, want, diagnosis, en, ru string, args ...any) shown {
	t.Helper()
	var c shown
	if !t.Eventually(patience, func() bool {
		c, _ = byName(psJSON(t, "-a"), name)
		return c.State == want
	}) {
		t.Saw("mydocker ps -a --json: state of the container", orNothing(c.State))
		t.Wrong(diagnosis, en, ru, args...)
	}
	return c
}

// afterReboot lets ps run where the kernel calls its boot another one: in a mount namespace
// of its own, with another file over boot_id. Needs root.
func afterReboot(t *grade.T) {
	if os.Geteuid() != 0 {
		t.Saw("another boot id", "not tried: only root can mount")
		return
	}
	w := newProbe(t)
	p := t.Mydocker(append([]string{"run", "--name", "survivor"}, w.args()...)...).Start()
	pid := w.find(t, p)
	stateIs(t, "survivor", "running", "alive-missing",
		"process %d runs, and ps --json does not show the container as running",
		"процесс %d работает, а ps --json не показывает контейнер работающим", pid)
	other := filepath.Join(t.TempDir(), "boot_id")
	if err := os.WriteFile(other, []byte("00000000-0000-4000-8000-000000000000\n"), 0o644); err != nil {
		t.Broken(err)
	}
	const bind = `mount --bind "$1" /proc/sys/kernel/random/boot_id && exec "$0" ps -a --json`
	cmd := exec.Command("sh", "-c", bind, os.Getenv("MYDOCKER"), other)
	cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+t.Root())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // Go makes it private
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Broken(fmt.Errorf("mydocker ps under another boot id: %w: %s", err, stderr.String()))
	}
	unix.Kill(pid, unix.SIGKILL)
	p.Wait()
	c, _ := byName(parsePs(t, string(out), stderr.String()), "survivor")
	t.Saw("mydocker ps -a, under another boot_id", "state "+orNothing(c.State))
	if c.State == "running" {
		t.Wrong("reboot",
			"under another boot id ps still shows the container as running: process %d of this boot is not process %d of the last. PIDs and start times begin anew with each boot; compare /proc/sys/kernel/random/boot_id first.",
			"при другом идентификаторе загрузки ps всё ещё показывает контейнер работающим: процесс %d этой загрузки и процесс %d прошлой не одно и то же. PID и время старта с каждой загрузкой отсчитываются заново; сначала сравните /proc/sys/kernel/random/boot_id.", pid, pid)
	}
}

// afterReuse gives the dead container's PID to another process, and looks whether ps is
// taken in. Needs root.
func afterReuse(t *grade.T, pid int) {
	if os.Geteuid() != 0 {
		t.Saw("a new owner of the PID", "not tried: only root sets ns_last_pid")
		return
	}
	heir := reuse(t, pid)
	defer func() {
		heir.Process.Kill()
		heir.Wait()
	}()
	st, err := readProcStat(pid)
	if err != nil {
		t.Broken(err)
	}
	t.Saw(fmt.Sprintf("/proc/%d/stat, a new process", pid), fmt.Sprintf("state %s, start time %d", st.state, st.start))
	if c, _ := byName(psJSON(t, "-a"), "doomed"); c.State == "running" {
		t.Wrong("pid-reuse",
			"the container is dead, its PID %d has been given to another process, and ps shows the container as running. A PID is a number that the kernel gives out again: compare the start time, field 22 of /proc/%d/stat, with the record's.",
			"контейнер мёртв, его PID %d достался другому процессу, а ps показывает контейнер работающим. PID лишь номер, ядро выдаёт его снова: сравните время старта, поле 22 в /proc/%d/stat, с тем, что в записи.", pid, pid)
	}
}

// reuse starts processes until one has the wanted PID. The kernel gives out the first free
// number after the last one given, and lets root say which that was (proc(5)).
func reuse(t *grade.T, pid int) *exec.Cmd {
	t.Helper()
	for range 500 {
		err := os.WriteFile("/proc/sys/kernel/ns_last_pid", fmt.Append(nil, pid-1), 0)
		if err != nil {
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
