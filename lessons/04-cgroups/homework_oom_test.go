package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"mydocker.example/shared/grade"
)

// eat is a command that takes so much memory and gives it back: dd(1) has one buffer, as large
// as a block, and read(2) of /dev/zero touches every page of it.
func eat(megabytes int) []string {
	return []string{"dd", "if=/dev/zero", "of=/dev/null", fmt.Sprintf("bs=%dM", megabytes), "count=1"}
}

// checkOOM: whoever goes over --memory is killed, mydocker says so in one line, and says
// nothing of the kind otherwise.
func checkOOM(t *grade.T) {
	rootfs := makeRootfs(t)
	run := func(megabytes int) (res grade.Result, kills int64) {
		before := oomKills(t)
		res = t.Mydocker(append([]string{"run", "--rootfs", rootfs, "--memory", "50M"}, eat(megabytes)...)...).Run()
		kills = oomKills(t) - before
		t.Saw(fmt.Sprintf("mydocker run --memory 50M %s", strings.Join(eat(megabytes), " ")), fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
		t.Saw("grep oom_kill /proc/vmstat, how many more", strconv.FormatInt(kills, 10))
		return res, kills
	}
	res, kills := run(20)
	if res.Code != 0 || kills != 0 {
		t.Wrong("oom-too-early",
			"20M were eaten under a limit of 50M, and the command exited with %d; OOM kills: %d. What mydocker itself has inside is on the same bill, and should be small.",
			"съедено 20M при пределе 50M, а команда завершилась с кодом %d; убийств по OOM: %d. Что mydocker держит внутри, на том же счету, и должно быть невелико.", res.Code, kills)
	}
	if line := claim(res.Stderr); line != "" {
		t.Wrong("oom-false", "the command lived, and mydocker says %q", "команда жива, а mydocker пишет %q", line)
	}
	res, kills = run(60)
	if kills == 0 || res.Code == 0 {
		t.Wrong("oom-lives",
			"60M were eaten under a limit of 50M, and the kernel has killed nobody; the exit code was %d",
			"съедено 60M при пределе 50M, и ядро никого не убило; код завершения %d", res.Code)
	}
	expectCode(t, res, 137, "mydocker run --memory 50M of an eater of 60M")
	switch lines := strings.Split(strings.TrimSpace(res.Stderr), "\n"); {
	case claim(res.Stderr) == "":
		t.Wrong("oom-unsaid",
			"the command was killed because its memory was used up, and mydocker does not say so: 137 is any SIGKILL. memory.events of the group knows (oom_kill), as long as the group is there. It said: %s",
			"команда убита, потому что кончилась память, а mydocker об этом молчит: 137 — это любой SIGKILL. Знает memory.events группы (oom_kill), пока группа на месте. Он написал: %s", orNothing(res.Stderr))
	case len(lines) != 1:
		t.Wrong("oom-many-words",
			"one line is enough to say that the memory was used up; here are %d: %s",
			"чтобы сказать, что память кончилась, хватит одной строки; здесь их %d: %s", len(lines), res.Stderr)
	}
	killedOtherwise(t, rootfs)
	written(t, rootfs)
}

var aboutMemory = regexp.MustCompile(`(?im)^.*(memory|oom).*$`)

// claim is the line in which mydocker says that it was the memory; "" if there is none.
func claim(stderr string) string { return aboutMemory.FindString(stderr) }

// killedOtherwise: the same exit code, and another reason.
func killedOtherwise(t *grade.T, rootfs string) {
	t.Helper()
	res := t.Mydocker("run", "--rootfs", rootfs, "--memory", "50M", "sh", "-c", "kill -9 $$").Run()
	t.Saw("mydocker run --memory 50M sh -c 'kill -9 $$'", fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
	expectCode(t, res, 137, "mydocker run of a command that kills itself")
	if line := claim(res.Stderr); line != "" {
		t.Wrong("oom-false",
			"the command was killed by a signal that has nothing to do with memory, and mydocker says %q. The exit code does not tell; oom_kill in memory.events does.",
			"команду убил сигнал, и память тут ни при чём, а mydocker пишет %q. По коду завершения этого не узнать; знает oom_kill в memory.events.", line)
	}
}

// written: the kernel's account is in the container's own group.
func written(t *grade.T, rootfs string) {
	t.Helper()
	p, pid := start(t, strings.Join(eat(60), " ")+"; echo ended $?", "--rootfs", rootfs, "--memory", "50M")
	g := ownGroup(t, pid)
	if !says(t, p, "ended") || g.field("memory.events", "oom_kill") < 1 {
		t.Saw("in the container", orNothing(p.Stdout()+p.Stderr()))
		t.Saw("cat "+string(g)+"/memory.events", g.read("memory.events"))
		t.Wrong("oom-elsewhere",
			"a child of the container's command went over the limit: the child is to be killed and the rest to live, and memory.events of the container's group is to say oom_kill 1",
			"за предел вышел потомок команды контейнера: убит должен быть он, остальные живы, а в memory.events группы контейнера должно стоять oom_kill 1")
	}
	if !strings.Contains(p.Stdout(), "ended 137") {
		t.Saw("in the container", orNothing(p.Stdout()+p.Stderr()))
		t.Wrong("oom-elsewhere",
			"the eater was to be killed, and nobody else",
			"убит должен быть едок и больше никто")
	}
	end(p)
}

// oomKills counts the OOM kills of the machine since it was booted.
func oomKills(t *grade.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		t.Broken(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				t.Broken(err)
			}
			return n
		}
	}
	t.Broken(fmt.Errorf("no oom_kill in /proc/vmstat"))
	return 0
}
