package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"mydocker.example/shared/grade"
)

// checkLimits: what was asked for stands in the files of the container's group, in the
// kernel's units; what makes no sense is refused before anything is there.
func checkLimits(t *grade.T) {
	rootfs := makeRootfs(t)
	for _, asked := range []struct {
		flags        []string
		memory, pids string
	}{
		{[]string{"--memory", "50M", "--pids", "32"}, "52428800", "32"},
		{[]string{"--memory", "65536k", "--pids-limit", "100"}, "67108864", "100"},
		{[]string{"--memory", "67108864"}, "67108864", "max"},
		{[]string{"--memory", "1g"}, "1073741824", "max"},
		{nil, "max", "max"},
	} {
		p, pid := start(t, ":", append([]string{"--rootfs", rootfs}, asked.flags...)...)
		g := ownGroup(t, pid)
		stands(t, g, asked.flags, "memory.max", asked.memory)
		stands(t, g, asked.flags, "pids.max", asked.pids)
		end(p)
	}
	refused(t, rootfs, [][2]string{
		{"--memory", "50X"}, {"--memory", "1"}, {"--memory", "-50M"}, {"--memory", "17179869185g"},
		{"--pids", "0"}, {"--pids", "-5"}, {"--pids", "1.5"},
	})
	neverWithout(t, rootfs)
}

// stands: the limit is in the file.
func stands(t *grade.T, g group, flags []string, file, want string) {
	t.Helper()
	if got := g.read(file); got != want {
		call := strings.Join(flags, " ")
		t.Saw("mydocker run "+call+" …; cat "+string(g)+"/"+file, got)
		t.Wrong(strings.TrimSuffix(file, ".max")+"-limit",
			"mydocker run %s: in %s of the container's group is to stand %s, and there stands %s. docker's units are b, k, m and g, in powers of 1024, in either case; none is b. A number of processes is what was asked for, and nothing on top.",
			"mydocker run %s: в файле %s группы контейнера должно стоять %s, а стоит %s. Единицы docker: b, k, m и g, степени 1024, большие буквы или маленькие; без единицы — b. Число процессов — то, о котором просили, без надбавок.", call, file, want, got)
	}
}

// refused: nonsense is refused by its name, and nothing of the container is there.
func refused(t *grade.T, rootfs string, nonsense [][2]string) {
	t.Helper()
	recorded := func() int { return strings.Count(t.Mydocker("ps", "-a", "-q").Run().Stdout, "\n") }
	known, before := recorded(), groups()
	for _, wrong := range nonsense {
		flag, value := wrong[0], wrong[1]
		call := "mydocker run " + flag + " " + value + " true"
		res := t.Mydocker("run", "--rootfs", rootfs, flag, value, "true").Run()
		t.Saw(call, fmt.Sprintf("exit %d: %s", res.Code, orNothing(res.Stderr)))
		if res.Code != 125 {
			t.Wrong("nonsense-taken",
				"%s makes no sense and is to be refused with 125, before anything is made. It exited with %d. Mind what comparisons say of NaN, what a multiplication does to a large number, and that a container needs some memory to begin at all.",
				"%s — бессмыслица, и отказать надо с кодом 125, пока ничего не сделано. Код был %d. Вспомните, что сравнения говорят о NaN, что умножение делает с большим числом и что без какой-то памяти контейнеру даже не начать.", call, res.Code)
		}
		if name := strings.TrimLeft(flag, "-"); !strings.Contains(res.Stderr, name) || !strings.Contains(res.Stderr, value) {
			t.Wrong("nonsense-unnamed",
				"%s was refused, and the message does not name the flag and its value: %s",
				"%s: отказ есть, но в сообщении не названы флаг и значение: %s", call, orNothing(res.Stderr))
		}
	}
	left := slices.DeleteFunc(groups(), func(g string) bool { return slices.Contains(before, g) })
	if now := recorded(); now != known || len(left) > 0 {
		t.Saw("mydocker ps -a -q | wc -l, before and now", fmt.Sprintf("%d %d", known, now))
		t.Saw("new cgroups", orNothing(strings.Join(left, " ")))
		t.Wrong("nonsense-left",
			"limits that make no sense were refused, and something of their containers is there: records %d, groups: %s. First look at everything that was asked for, then begin.",
			"бессмысленные пределы отклонены, а что-то от их контейнеров осталось: записей %d, группы: %s. Сначала проверьте всё, о чём попросили, потом начинайте.", now-known, orNothing(strings.Join(left, " ")))
	}
}

// neverWithout: where the limit cannot be set, there is no container. The tree is read-only
// for this mydocker, as it is in most containers.
func neverWithout(t *grade.T, rootfs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `mount -o remount,bind,ro /sys/fs/cgroup && exec "$0" run --rootfs "$1" --memory 50M sh -c 'echo runs'`, t.Binary(), rootfs)
	cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+t.Root())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // Go makes it private
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // its exit code says it all
	code := cmd.ProcessState.ExitCode()
	t.Saw("mydocker run --memory 50M echo runs, where /sys/fs/cgroup is read-only", fmt.Sprintf("exit %d: %s", code, orNothing(string(out)+stderr.String())))
	if strings.Contains(string(out), "runs") || code != 125 {
		t.Wrong("limit-dropped",
			"the limit could not be set, and mydocker has run the command without it, or has exited with another code than 125 (%d). A container without the limit that was asked for is worse than none: somebody relies on it.",
			"предел поставить не удалось, а mydocker запустил команду без него или вышел с другим кодом, чем 125 (%d). Контейнер без предела, о котором просили, хуже, чем никакого: на предел полагаются.", code)
	}
	if strings.TrimSpace(stderr.String()) == "" {
		t.Wrong("limit-silent",
			"the limit could not be set, and mydocker has not said why",
			"предел поставить не удалось, а mydocker не сказал почему")
	}
}
