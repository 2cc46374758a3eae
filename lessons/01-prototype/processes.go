package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// forkExec makes a process by hand, without os/exec, and watches the tree grow.
var forkExec = proof.Proof{
	ID: "fork-exec",
	Guest: func(r *proof.Report) error {
		me := os.Getpid()
		before, err := descendants(me)
		if err != nil {
			return err
		}
		r.Sawf("pid", "getpid(2)", "%d", me)
		r.Saw("tree-before", "the tree under us", named(before))

		stdin, toChild, err := os.Pipe()
		if err != nil {
			return err
		}
		defer toChild.Close()
		fromChild, stdout, err := os.Pipe()
		if err != nil {
			return err
		}
		defer fromChild.Close()

		// clone(2), and in the child, before anything else, execve(2). Go has no fork
		// alone: a copy of a process of many threads would have one of them and the locks
		// of all. Files[i] becomes the child's descriptor i, all others are closed.
		child, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "cat; exit 3"},
			&syscall.ProcAttr{
				Env:   os.Environ(),
				Files: []uintptr{stdin.Fd(), stdout.Fd(), 2},
			})
		// Our copies of the child's ends: as long as we held them open, no pipe would end.
		stdin.Close()
		stdout.Close()
		if err != nil {
			return fmt.Errorf("clone(2), execve(%q): %w", "/bin/sh", err)
		}
		r.Sawf("child", "clone(2) and execve(2) of sh", "%d", child)

		// The shell has made a child of its own, cat. When our line is back, it runs.
		fmt.Fprintln(toChild, "ping")
		if _, err := bufio.NewReader(fromChild).ReadString('\n'); err != nil {
			return err
		}
		tree, err := descendants(me)
		if err != nil {
			return err
		}
		r.Saw("tree-grown", "the tree under us", named(tree))
		r.Sawf("tree-size", "processes under us", "%d", len(tree))
		for i, key := range []string{"ppid-child", "ppid-grandchild"} {
			if i >= len(tree) {
				break
			}
			ppid, err := parentOf(tree[i])
			if err != nil {
				return err
			}
			r.Sawf(key, fmt.Sprintf("grep PPid /proc/%d/status", tree[i]), "%d", ppid)
		}

		// The end of its input ends cat, the end of cat ends the shell; we wait for ours.
		toChild.Close()
		var ws unix.WaitStatus
		reaped, err := unix.Wait4(child, &ws, 0, nil)
		if err != nil {
			return fmt.Errorf("wait4(%d): %w", child, err)
		}
		r.Sawf("reaped", "wait4(2) returned the PID", "%d", reaped)
		r.Sawf("exit", "and the exit status", "%d", ws.ExitStatus())

		after, err := descendants(me)
		if err != nil {
			return err
		}
		r.Saw("tree-after", "the tree under us", named(after))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("tree-before", "(nobody)")
		s.Equal("tree-size", "2")
		s.Same("ppid-child", "pid")        // we are the parent of the shell
		s.Same("ppid-grandchild", "child") // and the shell is the parent of cat
		s.Same("reaped", "child")
		s.Equal("exit", "3")
		s.Equal("tree-after", "(nobody)")
	},
}

func init() { reexec.Register("becomes-cat", becomesCat) }

// becomesCat runs in the child of execKeepsPID: after clone(2) and a first execve(2), of
// this very program; it waits for a word, then executes another program in its own place.
func becomesCat() {
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Before execve(2): descriptor 4 will be closed by it, descriptor 3 will live.
	unix.CloseOnExec(4)
	err := unix.Exec("/bin/cat", []string{"cat"}, os.Environ())
	// Only a failed execve returns: there is no program left to return to.
	fmt.Fprintf(os.Stderr, "execve(%q): %v\n", "/bin/cat", err)
	os.Exit(1)
}

// execKeepsPID looks at one process before and after execve(2).
var execKeepsPID = proof.Proof{
	ID: "pid-and-exec",
	Guest: func(r *proof.Report) error {
		if err := tidy(); err != nil {
			return err
		}
		cmd := reexec.Command("becomes-cat")
		null, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer null.Close()
		cmd.ExtraFiles = []*os.File{null, null} // descriptors 3 and 4
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		lines := bufio.NewReader(out)
		if _, err := lines.ReadString('\n'); err != nil { // "ready"
			return err
		}
		if err := sawProgram(r, "before", cmd.Process.Pid); err != nil {
			return err
		}

		// The word; and after it a line that only cat will send back. While the first
		// program is still there, the line waits in the pipe, for whoever reads next.
		if _, err := in.Write([]byte("x")); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(in, "ping"); err != nil {
			return err
		}
		if _, err := lines.ReadString('\n'); err != nil {
			return err
		}
		if err := sawProgram(r, "after", cmd.Process.Pid); err != nil {
			return err
		}

		in.Close()
		return cmd.Wait()
	},
	Judge: func(s *proof.Seen) {
		s.Same("began-before", "began-after") // one process …
		s.Differ("exe-before", "exe-after")   // … two programs
		s.Equal("name-after", "cat")
		s.Equal("threads-after", "1") // Go's threads are gone with the old program
		s.Check(has(s.Get("fds-before"), "3") && has(s.Get("fds-before"), "4"),
			"before execve, descriptors 3 and 4 should be open, not %s", s.Get("fds-before"))
		s.Equal("fds-after", "0 1 2 3")
	},
}

// sawProgram reports what runs under a PID.
func sawProgram(r *proof.Report, when string, pid int) error {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return err
	}
	name, err := status(pid, "Name")
	if err != nil {
		return err
	}
	threads, err := status(pid, "Threads")
	if err != nil {
		return err
	}
	began, err := startTime(pid)
	if err != nil {
		return err
	}
	open, err := openDescriptors(pid)
	if err != nil {
		return err
	}
	r.Saw("exe-"+when, fmt.Sprintf("readlink /proc/%d/exe", pid), exe)
	r.Saw("name-"+when, fmt.Sprintf("grep Name /proc/%d/status", pid), name)
	r.Saw("threads-"+when, fmt.Sprintf("grep Threads /proc/%d/status", pid), threads)
	r.Saw("began-"+when, fmt.Sprintf("field 22 of /proc/%d/stat", pid), began)
	r.Saw("fds-"+when, fmt.Sprintf("ls /proc/%d/fd", pid), numbers(open))
	return nil
}

// has says whether word is one of the words of list.
func has(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}
