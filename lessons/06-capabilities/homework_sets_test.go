package main_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkSets: the five sets of the command, as the host reads them.
func checkSets(t *grade.T) {
	inheritEverything(t)
	rootfs := makeRootfs(t)
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, dockers},
		{[]string{"--drop-cap", "SETPCAP", "--drop-cap", "NET_RAW"}, "00000000a80404fb"},
		{[]string{"--drop-cap", "ALL"}, nothing},
		{[]string{"--uid-map", "0:100000:65536", "--add-cap", "SYS_TIME"}, "00000000aa0425fb"},
	} {
		flags := append([]string{"--rootfs", rootfs}, c.flags...)
		p, pid := start(t, flags...)
		checkFive(t, pid, fmt.Sprintf("%v: the command", c.flags), c.want)
		end(p)
	}
}

// checkFive: permitted, effective and bounding as asked, inheritable and ambient empty.
func checkFive(t *grade.T, pid int, who, want string) {
	t.Helper()
	got := map[string]string{}
	for _, name := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		got[name] = field(pid, name)
		t.Saw(fmt.Sprintf("grep %s /proc/%d/status", name, pid), got[name])
	}
	switch {
	case got["CapEff"] == field(os.Getpid(), "CapEff") && got["CapEff"] != want:
		t.Wrong("not-dropped",
			"%s has every capability there is. Either nothing was dropped, or another thread dropped it: capabilities are a thread's, and the command begins with those of the thread that cloned it (runtime.LockOSThread). Or execve(2) gave root everything back. See proofs `threads` and `exec-root`.",
			"%s: есть все capabilities. Либо ничего не сброшено, либо сбросил другой поток: capabilities принадлежат потоку, и команда начинает с наборами того, который её клонировал (runtime.LockOSThread). Либо execve(2) вернул root всё. См. доказательства `threads` и `exec-root`.", who)
	case got["CapInh"] != nothing:
		t.Wrong("inheritable",
			"%s has the inheritable set %s: it came from whoever called mydocker. A file in the image with inheritable capabilities makes anybody in the container have them (CVE-2022-24769). capset(2) with inheritable empty. See proof `inherited`.",
			"%s: inheritable равен %s, он достался от того, кто вызвал mydocker. Файл образа с наследуемыми capabilities раздаст их в контейнере кому угодно (CVE-2022-24769). capset(2) с пустым inheritable. См. доказательство `inherited`.", who, got["CapInh"])
	case got["CapAmb"] != nothing:
		t.Wrong("ambient",
			"%s has the ambient set %s: every program that it executes gets that, root or not. It empties with the inheritable one. See proof `exec-user`.",
			"%s: ambient равен %s, и это получит каждая запущенная программа, root она или нет. Он пустеет вместе с inheritable. См. доказательство `exec-user`.", who, got["CapAmb"])
	case got["CapPrm"] != want || got["CapEff"] != want:
		t.Wrong("other-set",
			"%s has permitted %s and effective %s, and both were to be %s (`capsh --decode` names them)",
			"%s: permitted %s и effective %s, а должно быть %s (имена покажет `capsh --decode`)", who, got["CapPrm"], got["CapEff"], want)
	case got["CapBnd"] != want:
		t.Wrong("bounding-left",
			"%s has the right capabilities and the bounding set %s, not %s: a file with capabilities may still give it more. PR_CAPBSET_DROP of all others, on the thread that starts the command. See proof `bounding`.",
			"%s: capabilities верные, но bounding равен %s, а не %s: файл с capabilities ещё может дать больше. PR_CAPBSET_DROP для всех остальных, на том потоке, который запускает команду. См. доказательство `bounding`.", who, got["CapBnd"], want)
	}
}

// inheritEverything makes this thread's inheritable set full, as docker's callers had it once:
// mydocker is started from it. The thread ends with the check.
func inheritEverything(t *grade.T) {
	t.Helper()
	runtime.LockOSThread()
	all, err := strconv.ParseUint(field(os.Getpid(), "CapPrm"), 16, 64)
	if err != nil {
		t.Broken(err)
	}
	low, high := uint32(all), uint32(all>>32)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: low, Permitted: low, Inheritable: low}, {Effective: high, Permitted: high, Inheritable: high}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Broken(fmt.Errorf("capset with everything inheritable: %w", err))
	}
}
