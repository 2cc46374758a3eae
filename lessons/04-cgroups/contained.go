package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// contained sets the bomb off in a container: the mydocker that this lesson ends with does by
// itself what the proofs before it did by hand.
var contained = proof.Proof{
	ID:         "contained",
	Mydocker:   true,
	Disposable: true,
	Guest: func(r *proof.Report) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := fused(r); err != nil {
			return err
		}
		// This very program, under the name by which it is the bomb.
		args := []string{"run", "--name", "bomb", "--pids", "32", "-v", self + ":/bin/fork-bomb:ro", "fork-bomb"}
		container := proof.Mydocker(args...)
		container.Stderr = os.Stderr
		if err := container.Start(); err != nil {
			return err
		}
		r.Saw("lit", "mydocker "+strings.Join(args, " "), "started")
		var g group
		if !r.Eventually(10*time.Second, func() bool { g = groupOfA("fork-bomb"); return g != "" }) {
			return fmt.Errorf("no process of that name appeared")
		}
		r.Saw("where", "cat /proc/PID/cgroup, of one that is called fork-bomb", strings.TrimPrefix(string(g), top))
		if err := show(r, "limit", g, "pids.max"); err != nil {
			return err
		}
		if err := burning(r, g); err != nil {
			return err
		}
		err = proof.Mydocker("kill", "bomb").Run()
		r.Saw("", "mydocker kill bomb", answer(err))
		r.Saw("ending", "exit code of mydocker run", ending(container))
		_, err = os.Stat(string(g))
		r.Saw("gone", "stat "+g.name(), answer(err))
		return nil
	},
	Watch: askWhileItBurns,
	Judge: func(s *proof.Seen) {
		labAnswered(s)
		s.Check(s.Get("where") != "/", "the container is in the root cgroup")
		s.Equal("limit", "32")
		s.Equal("ending", fmt.Sprintf("exit %d", 128+int(unix.SIGKILL)))
		s.Equal("gone", "ENOENT")
	},
}

// groupOfA is the group of some process that was started by a name; "" if there is none.
func groupOfA(name string) group {
	all, _ := filepath.Glob("/proc/[0-9]*") // the only error is a bad pattern
	for _, dir := range all {
		argv, err := os.ReadFile(dir + "/cmdline")
		if err != nil || string(argv) != name+"\x00" {
			continue
		}
		if text, err := os.ReadFile(dir + "/cgroup"); err == nil {
			return group(top + strings.TrimPrefix(strings.TrimSpace(string(text)), "0::"))
		}
	}
	return ""
}
