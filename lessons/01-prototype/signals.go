package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() { reexec.Register("answers", answers) }

// answers runs in a child: it answers each SIGUSR1 with a SIGUSR2 to its parent. On
// SIGTERM it ends, with the number of its answers as its exit code.
func answers() {
	asked := make(chan os.Signal, 8)
	signal.Notify(asked, unix.SIGUSR1, unix.SIGTERM)
	fmt.Println("ready") // only now: a SIGUSR1 without a handler would have killed us
	count := 0
	for sig := range asked {
		if sig == unix.SIGTERM {
			os.Exit(count)
		}
		count++
		if err := unix.Kill(os.Getppid(), unix.SIGUSR2); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(100)
		}
	}
}

// signalsBothWays is a talk: a question down the tree, an answer up, and five questions
// that arrive as one.
var signalsBothWays = proof.Proof{
	ID: "signals",
	Guest: func(r *proof.Report) error {
		heard := make(chan os.Signal, 8)
		signal.Notify(heard, unix.SIGUSR2)
		defer signal.Stop(heard)

		cmd := reexec.Command("answers")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		child := cmd.Process.Pid
		defer unix.Kill(child, unix.SIGKILL)                             // a no-op when all went well: it is reaped by then
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // "ready"
			return err
		}

		// One question, one answer.
		if err := unix.Kill(child, unix.SIGUSR1); err != nil {
			return fmt.Errorf("kill(%d, SIGUSR1): %w", child, err)
		}
		r.Saw("asked", fmt.Sprintf("kill(%d, SIGUSR1)", child), "ok")
		r.Saw("answer", "we, the parent, got", unix.SignalName((<-heard).(unix.Signal)))

		// A stopped process runs no handler: what is sent to it stays pending.
		if err := unix.Kill(child, unix.SIGSTOP); err != nil {
			return fmt.Errorf("kill(%d, SIGSTOP): %w", child, err)
		}
		var ws unix.WaitStatus
		if _, err := unix.Wait4(child, &ws, unix.WUNTRACED, nil); err != nil {
			return fmt.Errorf("wait4(%d, WUNTRACED): %w", child, err)
		}
		r.Saw("stopped-by", "wait4(2) with WUNTRACED: stopped by", unix.SignalName(ws.StopSignal()))
		for range 5 {
			if err := unix.Kill(child, unix.SIGUSR1); err != nil {
				return fmt.Errorf("kill(%d, SIGUSR1): %w", child, err)
			}
		}
		pending, err := status(child, "ShdPnd")
		if err != nil {
			return err
		}
		r.Saw("pending", fmt.Sprintf("grep ShdPnd /proc/%d/status, after five SIGUSR1", child), pending)

		if err := unix.Kill(child, unix.SIGCONT); err != nil {
			return fmt.Errorf("kill(%d, SIGCONT): %w", child, err)
		}
		r.Saw("answer-again", "SIGCONT, and we got", unix.SignalName((<-heard).(unix.Signal)))

		// A request to end, granted: the child says how many questions it has heard.
		if err := unix.Kill(child, unix.SIGTERM); err != nil {
			return fmt.Errorf("kill(%d, SIGTERM): %w", child, err)
		}
		cmd.Wait()
		r.Sawf("count", "SIGTERM; exit code = questions heard, of six", "%d", cmd.ProcessState.ExitCode())
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("answer", "SIGUSR2")
		s.Equal("stopped-by", "SIGSTOP")
		s.Equal("pending", fmt.Sprintf("%016x", 1<<(unix.SIGUSR1-1))) // a bit, not a count
		s.Equal("answer-again", "SIGUSR2")
		s.Equal("count", "2")
	},
}

// lastWord sends SIGTERM to one who never heard of it and to one who ignores it, and
// SIGKILL to the second.
var lastWord = proof.Proof{
	ID: "sigkill",
	Guest: func(r *proof.Report) error {
		// The default action: nobody asked this cat.
		plain, err := start(exec.Command("cat"))
		if err != nil {
			return err
		}
		if err := unix.Kill(plain.pid(), unix.SIGTERM); err != nil {
			return err
		}
		sawEnd(r, "plain", "SIGTERM to a cat: wait(2) says", plain)

		// An ignored signal stays ignored over execve(2); a handler would not.
		deaf, err := start(exec.Command("sh", "-c", "trap '' TERM; exec cat"))
		if err != nil {
			return err
		}
		ignored, err := status(deaf.pid(), "SigIgn")
		if err != nil {
			return err
		}
		r.Saw("ignored", fmt.Sprintf("grep SigIgn /proc/%d/status", deaf.pid()), ignored)
		if err := unix.Kill(deaf.pid(), unix.SIGTERM); err != nil {
			return err
		}
		// It would be dead before it could answer: a signal is delivered on the way back to
		// user space, and cat must go there to read.
		r.Saw("deaf-lives", "SIGTERM to one who ignores it; does it still answer?", answer(deaf.ping()))
		if err := unix.Kill(deaf.pid(), unix.SIGKILL); err != nil {
			return err
		}
		sawEnd(r, "deaf", "SIGKILL to the same: wait(2) says", deaf)

		// And nobody can arrange not to die of it: an empty struct sigaction, which would
		// be accepted for any other signal, is SIG_DFL.
		r.Saw("handler-term", "sigaction(SIGUSR1, …)", answer(sigaction(unix.SIGUSR1)))
		r.Saw("handler-kill", "sigaction(SIGKILL, …)", answer(sigaction(unix.SIGKILL)))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("plain", "SIGTERM")
		s.Equal("plain-code", "143")
		s.Check(ignores(s.Get("ignored"), unix.SIGTERM), "SigIgn %s lacks SIGTERM", s.Get("ignored"))
		s.Equal("deaf-lives", "ok")
		s.Equal("deaf", "SIGKILL")
		s.Equal("deaf-code", "137")
		s.Equal("handler-term", "ok")
		s.Equal("handler-kill", "EINVAL")
	},
}

// sawEnd reaps a witness and reports the signal that ended it, and what a shell makes of it.
func sawEnd(r *proof.Report, key, question string, w *witness) {
	w.cmd.Wait() // its error is the very thing we report
	ws := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ws.Signaled() {
		r.Sawf(key, question, "exited with %d", ws.ExitStatus())
		return
	}
	r.Saw(key, question, unix.SignalName(ws.Signal()))
	r.Sawf(key+"-code", "as an exit code of a shell, 128+n", "%d", 128+int(ws.Signal()))
}

// ignores reads a signal mask of /proc/PID/status: bit n-1 stands for signal n.
func ignores(mask string, sig unix.Signal) bool {
	var bits uint64
	if _, err := fmt.Sscanf(mask, "%x", &bits); err != nil {
		return false
	}
	return bits&(1<<(sig-1)) != 0
}

// sigaction asks for the default action of sig. The raw call, because os/signal would not
// even ask the kernel about SIGKILL.
func sigaction(sig unix.Signal) error {
	var act, old [32]byte // struct sigaction: handler, flags, restorer, mask; all zero is SIG_DFL
	const maskSize = 8
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&act)), uintptr(unsafe.Pointer(&old)), maskSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
