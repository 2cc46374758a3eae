package main_test

import (
	"fmt"
	"path/filepath"
	"strconv"

	"mydocker.example/shared/grade"
)

// checkProcess1: the container's process 1 is mydocker itself. Who is in the container finds
// nothing in it that he has not got.
func checkProcess1(t *grade.T) {
	rootfs := makeRootfs(t)
	got := probe(t, rootfs, "process-1")
	for _, door := range doors {
		t.Saw("in the container: open "+door, got[door])
	}
	for _, door := range doors {
		if got[door] == "ok" {
			t.Wrong("init-open",
				"root in the container opens %s: the memory, the descriptors and the program of process 1 are the host's mydocker's. PR_SET_DUMPABLE to 0 leaves them to those with CAP_SYS_PTRACE (ptrace(2), CVE-2016-9962, CVE-2019-5736). See proof `runtime-thread`.",
				"root в контейнере открывает %s, а память, дескрипторы и программа процесса 1 — это mydocker хоста. PR_SET_DUMPABLE, равный 0, оставит их тем, у кого есть CAP_SYS_PTRACE (ptrace(2), CVE-2016-9962, CVE-2019-5736). См. доказательство `runtime-thread`.", door)
		}
	}

	p, pid := start(t, "--rootfs", rootfs, "--add-cap", "SYS_PTRACE")
	defer end(p)
	const want = "00000000a80c25fb" // docker's, and SYS_PTRACE
	process1 := number(pid, "PPid")
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", process1))
	if len(tasks) == 0 || field(process1, "NSpid") == "" {
		t.Broken(fmt.Errorf("the parent of process %d, %d, has no threads in /proc", pid, process1))
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(filepath.Base(task))
		permitted, promised := field(tid, "CapPrm"), field(tid, "NoNewPrivs")
		if permitted == "" || permitted == want && promised == "1" { // "": it has ended meanwhile
			continue
		}
		t.Saw(fmt.Sprintf("grep -e CapPrm -e NoNewPrivs /proc/%d/task/%d/status", process1, tid), permitted+", "+promised)
		t.Wrong("init-full",
			"with --add-cap SYS_PTRACE the command may trace process 1, and thread %d of that has the capabilities %s, NoNewPrivs %s: taken over, it gives the command what it was not to have. no_new_privs and capset(2) for all threads (syscall.AllThreadsSyscall).",
			"с --add-cap SYS_PTRACE команда вправе трассировать процесс 1, а у его потока %d capabilities %s, NoNewPrivs %s: захватив его, команда получит то, чего ей не давали. no_new_privs и capset(2) для всех потоков (syscall.AllThreadsSyscall).", tid, permitted, promised)
	}
}
