package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
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
		flags             []string
		memory, cpu, pids string // "" is not asked for
	}{
		{[]string{"--memory", "50M", "--cpu", "0.5", "--pids", "32"}, "52428800", "0.5", "32"},
		{[]string{"--memory", "65536k", "--cpus", "1.5", "--pids-limit", "100"}, "67108864", "1.5", "100"},
		{[]string{"--memory", "67108864b", "--cpu", "0.25"}, "67108864", "0.25", ""},
		{[]string{"--memory", "1g"}, "1073741824", "", ""},
		{[]string{"--memory", "67108864"}, "67108864", "", ""},
		{nil, "", "", ""},
	} {
		p, pid := start(t, ":", append([]string{"--rootfs", rootfs}, asked.flags...)...)
		g := ownGroup(t, pid)
		flags := strings.Join(asked.flags, " ")
		stands(t, g, flags, "memory.max", asked.memory)
		stands(t, g, flags, "pids.max", asked.pids)
		standsCPU(t, g, flags, asked.cpu)
		end(p)
	}
	refused(t, rootfs)
	neverWithout(t, rootfs)
}

// stands: the limit is in the file, or "max".
func stands(t *grade.T, g group, flags, file, want string) {
	t.Helper()
	if want == "" {
		want = "max"
	}
	if got := g.read(file); got != want {
		t.Saw("mydocker run "+flags+" …; cat "+string(g)+"/"+file, got)
		t.Wrong(strings.TrimSuffix(file, ".max")+"-limit",
			"mydocker run %s: in %s of the container's group is to stand %s, and there stands %s. docker's units are b, k, m and g, in powers of 1024, large or small; none is b.",
			"mydocker run %s: в файле %s группы контейнера должно стоять %s, а стоит %s. Единицы docker: b, k, m и g, степени 1024, большие буквы или маленькие; без единицы — b.", flags, file, want, got)
	}
}

// standsCPU: the quota is so much of the period, however long the period is.
func standsCPU(t *grade.T, g group, flags, want string) {
	t.Helper()
	text := g.read("cpu.max")
	quota, period, _ := strings.Cut(text, " ")
	if want == "" && quota == "max" {
		return
	}
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	w, _ := strconv.ParseFloat(want, 64)
	if want != "" && err1 == nil && err2 == nil && q == w*p {
		return
	}
	t.Saw("mydocker run "+flags+" …; cat "+string(g)+"/cpu.max", text)
	t.Wrong("cpu-limit",
		"mydocker run %s: cpu.max of the container's group is %q. It is a quota and a period in microseconds; `--cpu 0.5` is half of the period, and without the flag the quota is max.",
		"mydocker run %s: cpu.max группы контейнера равен %q. Это квота и период в микросекундах; `--cpu 0.5` — половина периода, а без флага квота max.", flags, text)
}

// refused: nonsense is refused by its name, and nothing of the container is there.
func refused(t *grade.T, rootfs string) {
	t.Helper()
	before := groups()
	for _, wrong := range [][2]string{
		{"--memory", "50X"}, {"--memory", "1"}, {"--memory", "-50M"}, {"--memory", "99999999999g"},
		{"--cpu", "0"}, {"--cpu", "-1"}, {"--cpu", "NaN"}, {"--cpu", "half"},
		{"--pids", "0"}, {"--pids", "1.5"},
	} {
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
	ids := t.Mydocker("ps", "-a", "-q").Run().Stdout
	known := strings.Count(ids, "\n")
	left := slices.DeleteFunc(groups(), func(g string) bool { return slices.Contains(before, g) })
	// The six containers before have ended, and are records.
	if known != 6 || len(left) > 0 {
		t.Saw("mydocker ps -a -q | wc -l", strconv.Itoa(known))
		t.Saw("new cgroups", orNothing(strings.Join(left, " ")))
		t.Wrong("nonsense-left",
			"limits that make no sense were refused, and something of their containers is there: of 6 containers mydocker knows %d, and new groups are: %s. First look at everything that was asked for, then begin.",
			"бессмысленные пределы отклонены, а что-то от их контейнеров осталось: из 6 контейнеров mydocker знает %d, новые группы: %s. Сначала проверьте всё, о чём попросили, потом начинайте.", known, orNothing(strings.Join(left, " ")))
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
