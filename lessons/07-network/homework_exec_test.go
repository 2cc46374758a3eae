package main_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkExec: a second command in a container is where the first one is, in every respect
// that the kernel has, and it is a command as run's is.
func checkExec(t *grade.T) {
	root := execRoot(t)
	g := startGuest(t, root, "--net", "none", "--hostname", "inside")
	p, pid := execIn(t, g)
	joined(t, g, pid, "mnt uts ipc pid cgroup net user")
	inGroup(t, g, pid)
	if file(t, pid, "stat") == "" {
		t.Wrong("ended", "the command that exec started has ended by itself", "команда, запущенная exec, закончилась сама")
	}
	p.Signal(unix.SIGTERM)
	if res := p.Wait(); res.Code != 128+int(unix.SIGTERM) {
		t.Saw("kill -TERM of mydocker exec; its exit code", fmt.Sprint(res.Code))
		t.Wrong("signal",
			"SIGTERM for mydocker exec is to reach the command, which dies of it: 143. The exit code is %d.",
			"SIGTERM для mydocker exec должен дойти до команды, и та от него умрёт: 143. Код завершения %d.", res.Code)
	}
	execWords(t, g)
	execCodes(t, g)
	execFlags(t, g)

	// The same where the container is root in a user namespace only: a Go program cannot step
	// in there by itself.
	mapped := startGuest(t, root, "--net", "none", "--uid-map", "0:100000:65536")
	_, pid = execIn(t, mapped)
	joined(t, mapped, pid, "user mnt uts ipc pid cgroup net")
	if uid := strings.Fields(lineOf(t, pid, "Uid"))[0]; uid != "100000" {
		t.Saw(fmt.Sprintf("grep Uid /proc/%d/status", pid), uid)
		t.Wrong("other-user",
			"in a container whose root is 100000 outside, exec runs the command as %s: with setns into the user namespace one keeps one's own numbers until setresuid(0)",
			"в контейнере, чей root снаружи имеет номер 100000, exec выполняет команду от имени %s: после setns в пользовательское пространство имён номера остаются прежними, пока не сделан setresuid(0)", uid)
	}
	stopped := t.Mydocker("stop", "-t", "0", mapped.id).Run()
	res := t.Mydocker("exec", mapped.id, "true").Run()
	t.Saw("mydocker exec of a container that was stopped", fmt.Sprintf("exit %d: %s", res.Code, saidOf(res)))
	if stopped.Code == 0 && (res.Code != 125 || !strings.Contains(res.Stderr, "running")) {
		t.Wrong("not-running",
			"exec in a container that does not run is to be refused with 125 and a word about that",
			"exec в контейнере, который не работает, должен быть отвергнут: 125 и слово об этом")
	}
	dismiss(t, g, mapped)
}

// execRoot is netRoot with names for what exec is asked to run.
func execRoot(t *grade.T) string {
	t.Helper()
	root := netRoot(t)
	for _, name := range strings.Fields("cat id env pwd hostname readlink") {
		if err := os.Symlink("busybox", root+"/bin/"+name); err != nil {
			t.Broken(err)
		}
	}
	err := os.WriteFile(root+"/etc/passwd", []byte("root:x:0:0:root:/:/bin/sh\nmarie:x:1234:1235::/:/bin/sh\n"), 0o644)
	if err != nil {
		t.Broken(err)
	}
	return root
}

// execIn starts a command that stays, by exec with flags, and finds it.
func execIn(t *grade.T, g guest, flags ...string) (p *grade.Process, pid int) {
	t.Helper()
	token := rand.Text()
	args := slices.Concat([]string{"exec"}, flags, []string{g.id, "sh", "-c", "while :; do sleep 600; done", token})
	p = t.Mydocker(args...).Start()
	t.Cleanup(func() {
		if pid := processWith(token); pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	ended := false
	t.Eventually(netPatience, func() bool {
		ended = p.Ended()
		pid = processWith(token)
		return pid != 0 || ended
	})
	if pid == 0 {
		if !ended {
			p.Signal(unix.SIGKILL)
		}
		res := p.Wait()
		t.Saw("mydocker exec CONTAINER sh -c …", fmt.Sprintf("exit %d: %s", res.Code, saidOf(res)))
		t.Wrong("exec-failed",
			"mydocker exec was called, and no process of its command appeared. It said: %s",
			"mydocker exec вызван, а процесса его команды так и нет. Он написал: %s", saidOf(res))
	}
	return p, pid
}

// joined compares the namespaces of exec's command with those of the container's.
func joined(t *grade.T, g guest, pid int, kinds string) {
	t.Helper()
	for _, kind := range strings.Fields(kinds) {
		theirs, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", g.pid, kind))
		got, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if theirs != got {
			t.Saw(fmt.Sprintf("readlink /proc/%d/ns/%s, the container's", g.pid, kind), theirs)
			t.Saw(fmt.Sprintf("readlink /proc/%d/ns/%s, exec's", pid, kind), got)
			t.Wrong("not-joined",
				"the command is not in the container's namespace of the kind %s. All that differ are to be joined, and the one of the PIDs is joined by a child that is born afterwards.",
				"команда не в пространстве имён контейнера вида %s. Входить надо во все, что отличаются, а в пространство PID попадает потомок, рождённый после этого.", kind)
		}
	}
}

// inGroup: the command counts as the container's.
func inGroup(t *grade.T, g guest, pid int) {
	t.Helper()
	theirs, got := file(t, g.pid, "cgroup"), file(t, pid, "cgroup")
	if theirs != got {
		t.Saw(fmt.Sprintf("/proc/%d/cgroup, the container's", g.pid), theirs)
		t.Saw(fmt.Sprintf("/proc/%d/cgroup, exec's", pid), got)
		t.Wrong("other-cgroup",
			"the command is not in the container's cgroup: no limit holds it, and neither pause nor rm -f finds it. It is best born there (CLONE_INTO_CGROUP).",
			"команда не в cgroup контейнера: пределы её не держат, pause и rm -f её не найдут. Лучше всего ей там родиться (CLONE_INTO_CGROUP).")
	}
}

// execWords: what it prints comes out, and what is typed goes in with -i, and else does not.
func execWords(t *grade.T, g guest) {
	t.Helper()
	res := t.Mydocker("exec", g.id, "sh", "-c", "hostname; echo other >&2").Run()
	if res.Stdout != "inside\n" || res.Stderr != "other\n" || res.Code != 0 {
		t.Saw("mydocker exec CONTAINER sh -c 'hostname; echo other >&2'", fmt.Sprintf("exit %d, %q and %q", res.Code, res.Stdout, res.Stderr))
		t.Wrong("output",
			"what the command prints is to come out of mydocker exec, the two outputs apart, and nothing else",
			"то, что печатает команда, должно выходить из mydocker exec, оба вывода порознь, и ничего сверх того")
	}
	for flag, want := range map[string]string{"-i": "word", "": ""} {
		args := []string{"exec", flag, g.id, "cat"}
		if flag == "" {
			args = []string{"exec", g.id, "cat"}
		}
		if res := t.Mydocker(args...).Stdin(strings.NewReader("word")).Run(); res.Stdout != want || res.TimedOut {
			t.Saw("echo word | mydocker "+strings.Join(args[:len(args)-2], " ")+" CONTAINER cat", fmt.Sprintf("exit %d, %q", res.Code, res.Stdout))
			t.Wrong("input",
				"with -i the command reads what mydocker exec is given, to its end; without, it reads nothing",
				"с -i команда читает то, что дали mydocker exec, до конца; без -i не читает ничего")
		}
	}
}

// execCodes are those of run.
func execCodes(t *grade.T, g guest) {
	t.Helper()
	for _, c := range []struct {
		ref  string
		argv []string
		want int
	}{
		{g.id, []string{"sh", "-c", "exit 7"}, 7},
		{g.id, []string{"no-such-command"}, 127},
		{g.id, []string{"/etc/passwd"}, 126},
		{"nobody-of-that-name", []string{"true"}, 125},
	} {
		res := t.Mydocker(append([]string{"exec", c.ref}, c.argv...)...).Run()
		if res.Code != c.want || c.want >= 125 && c.want <= 127 && res.Stderr == "" {
			t.Saw("mydocker exec "+strings.Join(append([]string{"CONTAINER"}, c.argv...), " "), fmt.Sprintf("exit %d: %s", res.Code, saidOf(res)))
			t.Wrong("exit-code",
				"mydocker exec … %s exited with %d, not %d. The codes are those of run: the command's own, 128+n, 127 and 126 for a command that is not there or cannot be run, 125 for mydocker itself, the last three with a word.",
				"mydocker exec … %s: код %d, а должен быть %d. Коды те же, что у run: свой у команды, 128+n, 127 и 126, если команды нет или её нельзя выполнить, 125 у самого mydocker, последние три со словами.",
				strings.Join(c.argv, " "), res.Code, c.want)
		}
	}
}

// execFlags: -e, -w, -u, and -d.
func execFlags(t *grade.T, g guest) {
	t.Helper()
	p, pid := execIn(t, g, "-e", "WORD=said", "-w", "/etc", "-u", "marie")
	env := strings.Split(file(t, pid, "environ"), "\x00")
	cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	uid, gid := strings.Fields(lineOf(t, pid, "Uid"))[0], strings.Fields(lineOf(t, pid, "Gid"))[0]
	if !slices.Contains(env, "WORD=said") || filepath.Base(cwd) != "etc" || uid != "1234" || gid != "1235" {
		t.Saw("mydocker exec -e WORD=said -w /etc -u marie", fmt.Sprintf("uid %s, gid %s, in %s, environment %q", uid, gid, cwd, env))
		t.Wrong("flags",
			"exec -e WORD=said -w /etc -u marie: the command is to have that variable beside the container's own, to start there, and to be 1234:1235, as the container's /etc/passwd says",
			"exec -e WORD=said -w /etc -u marie: у команды должны быть эта переменная вдобавок к переменным контейнера, этот рабочий каталог и номера 1234:1235, как записано в /etc/passwd контейнера")
	}
	p.Signal(unix.SIGKILL)
	p.Wait()
	unix.Kill(pid, unix.SIGKILL)

	token := rand.Text()
	res := t.Mydocker("exec", "-d", g.id, "sh", "-c", "while :; do sleep 600; done", token).Run()
	if !t.Eventually(netPatience, func() bool { return processWith(token) != 0 }) || res.Code != 0 || res.TimedOut {
		t.Saw("mydocker exec -d CONTAINER sh -c …", fmt.Sprintf("exit %d: %s", res.Code, saidOf(res)))
		t.Wrong("detached",
			"exec -d is to come back at once, and leave the command running",
			"exec -d должен сразу вернуться и оставить команду работать")
	}
}

// file is a file of /proc/PID; "" when the process is gone.
func file(t *grade.T, pid int, name string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), unix.ESRCH.Error()) {
		t.Broken(err)
	}
	return string(data)
}

// lineOf is a line of /proc/PID/status.
func lineOf(t *grade.T, pid int, key string) string {
	t.Helper()
	for line := range strings.Lines(file(t, pid, "status")) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Broken(fmt.Errorf("/proc/%d/status has no %s", pid, key))
	return ""
}
