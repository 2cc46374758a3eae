package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// zombie looks at a process between its end and the wait(2) for it.
var zombie = proof.Proof{
	ID: "zombie",
	Guest: func(r *proof.Report) error {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 42"}, nil)
		if err != nil {
			return fmt.Errorf("clone(2), execve(%q): %w", "/bin/sh", err)
		}

		// WNOWAIT: wait until it has ended, and leave it as it lies (waitid(2)).
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			return fmt.Errorf("waitid(%d, WEXITED|WNOWAIT): %w", pid, err)
		}
		state, err := status(pid, "State")
		if err != nil {
			return err
		}
		r.Saw("state", fmt.Sprintf("grep State /proc/%d/status", pid), state)
		_, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		r.Saw("exe", fmt.Sprintf("readlink /proc/%d/exe", pid), answer(err))
		_, err = status(pid, "VmRSS")
		r.Sawf("memory", fmt.Sprintf("grep -c VmRSS /proc/%d/status", pid), "%d", btoi(err == nil))

		// What is dead cannot be killed: the signal is accepted, and nothing happens.
		r.Saw("kill", fmt.Sprintf("kill -KILL %d", pid), answer(unix.Kill(pid, unix.SIGKILL)))
		state, err = status(pid, "State")
		if err != nil {
			return err
		}
		r.Saw("state-killed", fmt.Sprintf("grep State /proc/%d/status", pid), state)

		// The wait that was owed. It takes the exit status, and the entry with it.
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
			return fmt.Errorf("wait4(%d): %w", pid, err)
		}
		r.Sawf("exit", fmt.Sprintf("wait4(%d): exit status", pid), "%d", ws.ExitStatus())
		_, err = os.Stat(fmt.Sprintf("/proc/%d", pid))
		r.Saw("gone", fmt.Sprintf("stat /proc/%d", pid), answer(err))
		r.Saw("kill-gone", fmt.Sprintf("kill -0 %d", pid), answer(unix.Kill(pid, 0)))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("state", "Z (zombie)")
		s.Equal("exe", "ENOENT") // no program any more
		s.Equal("memory", "0")   // and no memory
		s.Equal("kill", "ok")
		s.Equal("state-killed", "Z (zombie)")
		s.Equal("exit", "42") // the one thing that was kept
		s.Equal("gone", "ENOENT")
		s.Equal("kill-gone", "ESRCH")
	},
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func init() { reexec.Register("middle", middle) }

// middle runs in a child of the proof: it starts a cat of its own, says its PID, and when
// descriptor 3 closes it ends without waiting for it.
func middle() {
	cat := exec.Command("cat")
	cat.Stdin = os.Stdin // the proof holds the other end: the cat lives while the proof does
	if err := cat.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(cat.Process.Pid)
	os.NewFile(3, "leave").Read(make([]byte, 1))
}

// orphan shows who becomes the parent of a process whose parent has ended.
var orphan = proof.Proof{
	ID:      "orphan",
	Orphans: true, // this proof says itself who collects orphans
	Guest: func(r *proof.Report) error {
		me := os.Getpid()
		r.Sawf("me", "getpid(2)", "%d", me)
		grandparent, err := parentOf(me)
		if err != nil {
			return err
		}
		r.Sawf("grandparent", fmt.Sprintf("grep PPid /proc/%d/status", me), "%d", grandparent)

		for _, subreaper := range []int{0, 1} {
			// Of the whole process, not of a thread, and not inherited by children.
			if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, uintptr(subreaper), 0, 0, 0); err != nil {
				return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER, %d): %w", subreaper, err)
			}
			r.Sawf(fmt.Sprintf("prctl-%d", subreaper),
				fmt.Sprintf("prctl(PR_SET_CHILD_SUBREAPER, %d)", subreaper), "ok")
			if err := makeOrphan(r, subreaper); err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, scene := range []string{"0", "1"} {
			s.Same("ppid-before-"+scene, "middle-"+scene)
		}
		// Nobody between us and PID 1 has asked for orphans: PID 1 takes them. (On a desktop,
		// with LAB=host, a systemd --user above us may have asked; then it is the taker.)
		s.Check(has(s.Get("above-us-0"), s.Get("ppid-after-0")),
			"the orphan's new parent %s is none of our ancestors: %s", s.Get("ppid-after-0"), s.Get("above-us-0"))
		s.Equal("wait-0", "ECHILD") // it is not ours to wait for
		s.Same("ppid-after-1", "me")
		s.Equal("wait-1", "ok") // a grandchild, and still ours to reap
	},
}

// makeOrphan starts a child that starts a child, has the first end, and asks the second
// who its parent is.
func makeOrphan(r *proof.Report, subreaper int) error {
	key := func(name string) string { return fmt.Sprintf("%s-%d", name, subreaper) }

	hold, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdin.Close() // lets the orphan end
	leave, leaveNow, err := os.Pipe()
	if err != nil {
		return err
	}
	defer leaveNow.Close()
	cmd := reexec.Command("middle")
	cmd.Stdin = hold
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{leave}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	err = cmd.Start()
	hold.Close()
	leave.Close()
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}

	before, err := parentOf(pid)
	if err != nil {
		return err
	}
	r.Sawf(key("middle"), "our child", "%d", cmd.Process.Pid)
	r.Sawf(key("ppid-before"), fmt.Sprintf("grep PPid /proc/%d/status", pid), "%d", before)

	// The parent ends. The kernel finds a new one for the orphan before it tells us of the
	// death, so after Wait there is nothing to poll for.
	leaveNow.Close()
	if err := cmd.Wait(); err != nil {
		return err
	}
	after, err := parentOf(pid)
	if err != nil {
		return err
	}
	r.Sawf(key("ppid-after"), fmt.Sprintf("grep PPid /proc/%d/status", pid), "%d", after)
	if subreaper == 0 {
		above, err := ancestors(os.Getpid())
		if err != nil {
			return err
		}
		r.Saw(key("above-us"), "the processes above us", above)
	}

	// Whose child is it to reap now?
	stdin.Close()
	_, err = unix.Wait4(pid, nil, 0, nil)
	r.Saw(key("wait"), fmt.Sprintf("wait4(%d)", pid), answer(err))
	return nil
}

// ancestors climbs the tree from pid's parent to PID 1.
func ancestors(pid int) (string, error) {
	var above []string
	for {
		parent, err := parentOf(pid)
		if err != nil {
			return "", err
		}
		if parent == 0 { // the parent of PID 1, and of who comes from outside its namespace
			return strings.Join(above, " "), nil
		}
		above = append(above, strconv.Itoa(parent))
		pid = parent
	}
}
