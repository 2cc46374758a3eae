package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// initShield sends signals to process 1 of a namespace, from inside and from outside.
var initShield = proof.Proof{
	ID: "init-shield",
	Guest: func(r *proof.Report) error {
		first, err := cloned(unix.CLONE_NEWPID)
		if err != nil {
			return err
		}
		caught, err := status(first.pid(), "SigCgt")
		if err != nil {
			return err
		}
		r.Saw("handlers", fmt.Sprintf("grep SigCgt /proc/%d/status: handlers of a cat", first.pid()), caught)

		// From inside: the sender is a process of the same namespace, and root.
		for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
			name := unix.SignalName(sig)
			sent, err := sendFrom(first.pid(), 1, sig)
			if err != nil {
				return err
			}
			r.Saw("inside-"+name, "from inside: kill(1, "+name+")", sent)
			r.Saw("lives-"+name, "does process 1 still answer?", answer(first.ping()))
		}
		// The same sender, the same signal, the same program, but not process 1.
		second, err := neighbour(first.pid())
		if err != nil {
			return err
		}
		nspid, err := numbersOf(second.pid())
		if err != nil {
			return err
		}
		r.Saw("other", "NSpid of another cat in there", nspid)
		number := nspid[strings.LastIndexByte(nspid, ' ')+1:]
		var target int
		if _, err := fmt.Sscan(number, &target); err != nil {
			return err
		}
		if _, err := sendFrom(first.pid(), target, unix.SIGTERM); err != nil {
			return err
		}
		r.Saw("other-end", fmt.Sprintf("from inside: kill(%d, SIGTERM); wait(2) says", target), second.ending())

		// From outside, by the number outside.
		if err := unix.Kill(first.pid(), unix.SIGTERM); err != nil {
			return fmt.Errorf("kill(%d, SIGTERM): %w", first.pid(), err)
		}
		r.Saw("outside-term", "from outside: SIGTERM; does process 1 still answer?", answer(first.ping()))
		if err := unix.Kill(first.pid(), unix.SIGKILL); err != nil {
			return fmt.Errorf("kill(%d, SIGKILL): %w", first.pid(), err)
		}
		r.Saw("outside-kill", "from outside: SIGKILL; wait(2) says", first.ending())

		return goAsInit(r)
	},
	Judge: func(s *proof.Seen) {
		s.Equal("handlers", "0000000000000000")
		for _, name := range []string{"SIGTERM", "SIGKILL"} {
			s.Equal("inside-"+name, "ok") // the sender is not told
			s.Equal("lives-"+name, "ok")
		}
		s.Equal("other-end", "SIGTERM")
		s.Equal("outside-term", "ok")
		s.Equal("outside-kill", "SIGKILL")
		s.Check(s.Get("go-handlers") != "0000000000000000", "a Go program without handlers")
		s.Equal("go-end", "exit 2")
	},
}

func init() { reexec.Register("waits", waits) }

// waits runs in a child: a Go program that has never heard of signals.
func waits() {
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
}

// goAsInit is why the witness above is not a Go program.
func goAsInit(r *proof.Report) error {
	cmd := reexec.Command("waits")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	first, err := spawn(cmd)
	if err != nil {
		return err
	}
	if _, err := first.line(); err != nil { // "ready"
		return err
	}
	caught, err := status(first.pid(), "SigCgt")
	if err != nil {
		return err
	}
	r.Saw("go-handlers", fmt.Sprintf("grep SigCgt /proc/%d/status: of a Go program as process 1", first.pid()), caught)
	if _, err := sendFrom(first.pid(), 1, unix.SIGTERM); err != nil {
		return err
	}
	r.Saw("go-end", "from inside: kill(1, SIGTERM); wait(2) says", first.ending())
	return nil
}

// initDeath ends process 1 and looks what becomes of the others.
var initDeath = proof.Proof{
	ID: "init-death",
	Guest: func(r *proof.Report) error {
		first, err := cloned(unix.CLONE_NEWPID)
		if err != nil {
			return err
		}
		// Kept open: a handle on the namespace that will outlive everybody in it.
		handle, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", first.pid()))
		if err != nil {
			return err
		}
		defer handle.Close()
		var others []*witness
		for i := range 2 {
			other, err := neighbour(first.pid())
			if err != nil {
				return err
			}
			nspid, err := numbersOf(other.pid())
			if err != nil {
				return err
			}
			r.Saw(fmt.Sprintf("other-%d", i), "NSpid of another process in there", nspid)
			others = append(others, other)
		}

		// Nobody is killed: process 1 reads the end of its input, and has nothing more to do.
		first.in.Close()
		for i, other := range others {
			r.Saw(fmt.Sprintf("end-%d", i), "process 1 ends; wait(2) for the other says", other.ending())
		}
		// Last: until the others are reaped, the end of process 1 is not complete
		// (zap_pid_ns_processes() in the kernel waits for them).
		r.Saw("end-first", "wait(2) for process 1 says", first.ending())

		var next *witness
		err = inside(os.Getpid(), nil, func() error {
			if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWPID); err != nil {
				return fmt.Errorf("setns(CLONE_NEWPID): %w", err)
			}
			next, err = start(exec.Command("cat"))
			return err
		})
		if next != nil {
			next.end()
		}
		r.Saw("next", "setns(2) into what is left, and clone(2)", answer(err))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("end-first", "exit 0")
		s.Equal("end-0", "SIGKILL")
		s.Equal("end-1", "SIGKILL")
		s.Equal("next", "ENOMEM")
	},
}

func init() { reexec.Register("leaves", leaves) }

// leaves runs in a child: it starts a cat and ends without waiting for it.
func leaves() {
	cat := exec.Command("cat")
	cat.Stdin, cat.Stdout = os.Stdin, os.Stdout
	check(cat.Start())
}

// adopts gives an orphan to two kinds of process 1: one that waits for children it has
// never had, and one that does not.
var adopts = proof.Proof{
	ID: "adopts",
	Guest: func(r *proof.Report) error {
		for _, init := range []struct{ key, what string }{
			{"cat", "exec cat"},   // replaces the shell, and knows nothing of children
			{"sh", "cat; exit 0"}, // the shell stays, and waits for whoever ends
		} {
			cmd := exec.Command("sh", "-c", init.what)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
			first, err := start(cmd)
			if err != nil {
				return err
			}
			err = orphanUnder(r, init.key, first)
			if endErr := first.end(); err == nil {
				err = endErr
			}
			if err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("subreaper", "1") // we have asked for orphans, and did not get this one
		for _, init := range []string{"cat", "sh"} {
			s.Same("first-"+init, "ppid-"+init)
		}
		s.Equal("after-cat", "Z (zombie)")
		s.Equal("after-sh", "(gone)")
	},
}

// orphanUnder makes an orphan in the namespace of first, has it end, and looks what is left.
func orphanUnder(r *proof.Report, key string, first *witness) error {
	var subreaper int32
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_GET_CHILD_SUBREAPER): %w", err)
	}
	r.Sawf("subreaper", "prctl(PR_GET_CHILD_SUBREAPER), of us", "%d", subreaper)
	before, err := childrenOf(first.pid())
	if err != nil {
		return err
	}

	var orphan *witness
	err = inside(first.pid(), []string{"pid"}, func() error {
		orphan, err = start(reexec.Command("leaves"))
		return err
	})
	if err != nil {
		return err
	}
	// "leaves" is gone when the state says so; waiting for it by Wait would close the pipes.
	if err := unix.Waitid(unix.P_PID, orphan.pid(), nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return fmt.Errorf("waitid(%d): %w", orphan.pid(), err)
	}
	after, err := childrenOf(first.pid())
	if err != nil {
		return err
	}
	pid := newcomer(before, after)
	if pid == 0 {
		return fmt.Errorf("process 1 has no new child: %v, then %v", before, after)
	}
	name, err := status(pid, "Name")
	if err != nil {
		return err
	}
	ppid, err := parentOf(pid)
	if err != nil {
		return err
	}
	firstName, err := status(first.pid(), "Name")
	if err != nil {
		return err
	}
	r.Sawf("first-"+key, "process 1 in there is "+firstName+"; outside it has the number", "%d", first.pid())
	r.Saw("ppid-"+key, fmt.Sprintf("the orphan is %s; grep PPid /proc/%d/status", name, pid), ppid)

	// The orphan ends. It is a zombie, until its parent has waited.
	if err := orphan.end(); err != nil {
		return err
	}
	left := ""
	look := func() { // "(gone)", or the state
		if left, err = status(pid, "State"); err != nil {
			left = "(gone)"
		}
	}
	r.Eventually(5*time.Second, func() bool { look(); return left == "(gone)" || strings.HasPrefix(left, "Z") })
	if strings.HasPrefix(left, "Z") {
		// Time to do something about it, for who would: much more than a wait takes.
		r.Eventually(300*time.Millisecond, func() bool { look(); return left == "(gone)" })
	}
	r.Saw("after-"+key, "the orphan ends; what is left of it", left)
	return nil
}
