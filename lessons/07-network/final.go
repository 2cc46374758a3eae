package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The final example: one process that is isolated in every way that the lessons have shown,
// and limited, beside the same program as runc starts it and as a shell starts it.

// limits are what both runtimes are asked for; the kernel's own words are in finalfacts.go.
const (
	finalMemory = 64 << 20
	finalPids   = 32
	finalCPU    = 50000 // µs in 100000
	finalUID    = 100000
	finalIDs    = 65536
)

// final starts the three, and asks the kernel about each the same questions.
var final = proof.Proof{
	ID: "final", Mydocker: true, Disposable: true, Timeout: 40 * time.Second,
	Guest: func(r *proof.Report) error {
		plain := exec.Command("sleep", "71077")
		plain.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if err := plain.Start(); err != nil {
			return err
		}
		defer func() { plain.Process.Kill(); plain.Wait() }()

		byRunc, endRunc, err := startByRunc(r)
		if err != nil {
			return err
		}
		defer endRunc()
		byMydocker, endMydocker, err := startByMydocker(r)
		if err != nil {
			return err
		}
		defer endMydocker()

		pids := []int{plain.Process.Pid, byRunc, byMydocker}
		r.Saw("", fmt.Sprintf("%-12s", "/proc/PID"), columnsOf([]string{"a process", "runc", "mydocker"}))
		for _, f := range finalFacts {
			var row []string
			for _, pid := range pids {
				answer, err := f.read(pid)
				if err != nil {
					return fmt.Errorf("%s of process %d: %w", f.name, pid, err)
				}
				row = append(row, answer)
			}
			r.Saw(f.name, fmt.Sprintf("%-12s", f.name), columnsOf(row))
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		row := func(name string) (plain, runc, mydocker string) {
			parts := strings.Split(s.Get(name), separator)
			if len(parts) != 3 {
				s.Check(false, "%s: three answers should be there, not %q", name, parts)
				return
			}
			return strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2])
		}
		// No two of the three share any of these.
		for _, name := range []string{"ns/user", "ns/mnt", "ns/pid", "ns/net", "ns/uts", "ns/ipc", "ns/cgroup", "root"} {
			plain, runc, mydocker := row(name)
			s.Check(plain != runc && plain != mydocker && runc != mydocker, "%s is shared: %s, %s, %s", name, plain, runc, mydocker)
		}
		// What both containers have, whoever made them, and the process beside them has not.
		ids := fmt.Sprintf("0 %d %d", finalUID, finalIDs)
		for _, fact := range []struct{ name, plain, contained string }{
			{"/proc/sys", "rw", "ro"},
			{"/proc/kcore", "file", "device 1:3"},
			{"memory.max", "max", fmt.Sprint(finalMemory)},
			{"pids.max", "max", fmt.Sprint(finalPids)},
			{"cpu.max", "max 100000", fmt.Sprintf("%d 100000", finalCPU)},
			{"uid_map", "0 0 4294967295", ids},
			{"gid_map", "0 0 4294967295", ids},
			{"Uid", "0", fmt.Sprint(finalUID)},
			{"CapInh", "0000000000000000", "0000000000000000"},
			{"NoNewPrivs", "0", "1"},
			{"Seccomp", "0", "2"},
		} {
			plain, runc, mydocker := row(fact.name)
			s.Check(plain == fact.plain, "a process: %s is %q, and should be %q", fact.name, plain, fact.plain)
			s.Check(runc == fact.contained, "runc: %s is %q, and should be %q", fact.name, runc, fact.contained)
			s.Check(mydocker == fact.contained, "mydocker: %s is %q, and should be %q", fact.name, mydocker, fact.contained)
		}
		for _, name := range []string{"CapEff", "CapBnd"} {
			plain, runc, mydocker := row(name)
			s.Check(plain != runc && plain != mydocker, "%s is whole: %s, %s, %s", name, plain, runc, mydocker)
		}
		_, _, mydocker := row("PIDs")
		s.Check(len(strings.Fields(mydocker)) == 2, "mydocker: a process in a PID namespace has two numbers, not %q", mydocker)
		_, _, mydocker = row("interfaces")
		s.Check(mydocker == "lo eth0", "mydocker: the interfaces are %q", mydocker)
	},
}

// separator stands between the columns.
const separator = "│"

// columnsOf sets one line of the table. A list that is wider than its column is cut, and says so.
func columnsOf(row []string) string {
	const width = 17
	for i, answer := range row {
		if words := strings.Fields(answer); len(answer) > width && len(words) > 1 {
			row[i] = fmt.Sprintf("%s and %d more", words[0], len(words)-1)
		}
	}
	return fmt.Sprintf("%-*s%s %-*s%s %s", width, row[0], separator, width, row[1], separator, row[2])
}

// startByMydocker is the one line that the course was about.
func startByMydocker(r *proof.Report) (pid int, end func(), err error) {
	ids := fmt.Sprintf("0:%d:%d", finalUID, finalIDs)
	args := []string{
		"run", "-d", "--memory", "64M", "--pids", fmt.Sprint(finalPids), "--cpu", "0.5",
		"--uid-map", ids, "--gid-map", ids, "sleep", "71079",
	}
	r.Saw("", "mydocker", "mydocker "+strings.Join(args, " "))
	out, err := proof.Mydocker(args...).CombinedOutput()
	if err != nil {
		return 0, nil, fmt.Errorf("mydocker %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	id := strings.TrimSpace(string(out))
	end = func() { proof.Mydocker("rm", "-f", id).Run() }
	if !r.Eventually(10*time.Second, func() bool { pid, err = whoRuns("sleep", "71079"); return err == nil }) {
		end()
		return 0, nil, err
	}
	return pid, end, nil
}

var errNobody = errors.New("no such process")
