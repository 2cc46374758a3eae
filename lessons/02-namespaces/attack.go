package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The lesson's attacks. Victim and attacker are two programs of the user student that have
// nothing to do with each other. The attacker knows a number: the victim's PID. It could
// count to it as well.

// killStranger: denial of service in one system call.
var killStranger = proof.Proof{
	ID: "kill-stranger",
	Attack: &proof.Attack{
		Prepare: aStranger,
		Run:     func(a *proof.Attacker) error { return hit(a, unix.SIGKILL, "Z") },
		Without: asStudent,
		With:    inNewPID,
		Errno:   unix.ESRCH,
	},
	Judge: unharmed("S (sleeping)", "Z (zombie)"),
}

// stopStranger: the same, and harder to notice.
var stopStranger = proof.Proof{
	ID: "stop-stranger",
	Attack: &proof.Attack{
		Prepare: aStranger,
		Run:     func(a *proof.Attacker) error { return hit(a, unix.SIGSTOP, "T") },
		Without: asStudent,
		With:    inNewPID,
		Errno:   unix.ESRCH,
	},
	Judge: unharmed("S (sleeping)", "T (stopped)"),
}

// readStranger: what a program has read and told nobody.
var readStranger = proof.Proof{
	ID: "read-stranger",
	Attack: &proof.Attack{
		Prepare: aCashier,
		Run:     readMemory,
		Without: asStudent,
		With:    inNewPID,
		Errno:   unix.ESRCH,
	},
	Judge: unharmed("pay alice", "pay alice"), // it notices nothing, either way
}

// alterStranger: what a program will say next.
var alterStranger = proof.Proof{
	ID: "alter-stranger",
	Attack: &proof.Attack{
		Prepare: aCashier,
		Run:     injectWord,
		Without: asStudent,
		With:    inNewPID,
		Errno:   unix.ESRCH,
	},
	Judge: unharmed("pay alice", "pay trudy"),
}

// unharmed: with the mechanism the victim is as it was; without it, as the attack left it.
func unharmed(whole, harmed string) func(*proof.Seen) {
	return func(s *proof.Seen) {
		s.Equal("after-1", harmed)
		s.Equal("after-2", whole)
	}
}

// hit sends a signal, and waits until it shows in the victim's state.
func hit(a *proof.Attacker, sig unix.Signal, state string) error {
	pid, err := strconv.Atoi(a.Get("victim"))
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, sig); err != nil {
		return fmt.Errorf("kill(%d, %s): %w", pid, unix.SignalName(sig), err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		is, err := status(pid, "State")
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(is, state):
			a.Saw(fmt.Sprintf("kill(%d, %s); grep State /proc/%d/status", pid, unix.SignalName(sig), pid), is)
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the signal was accepted, and the state is %s", is)
		}
	}
}

// readMemory finds the cashier's orders in its memory. They are in no file, in no argument
// and in no environment.
func readMemory(a *proof.Attacker) error {
	pid, err := strconv.Atoi(a.Get("victim"))
	if err != nil {
		return err
	}
	regions, err := writable(pid)
	if err != nil {
		return err
	}
	a.Saw(fmt.Sprintf("grep -c rw-p /proc/%d/maps", pid), strconv.Itoa(len(regions)))
	found, err := addresses(regions, "pay ", vmRead(pid))
	if err != nil {
		return err
	}
	word := make([]byte, len("pay alice"))
	if err := vmRead(pid)(found[0], word); err != nil {
		return err
	}
	a.Saw(fmt.Sprintf("process_vm_readv(%d), where it says \"pay \"", pid), string(word))
	return nil
}

// injectWord is a debugger with bad intentions (ptrace(2)). The engine runs it on one
// thread, as ptrace demands: the tracer is a thread, not a process.
func injectWord(a *proof.Attacker) error {
	pid, err := strconv.Atoi(a.Get("victim"))
	if err != nil {
		return err
	}
	if err := unix.PtraceAttach(pid); err != nil {
		return fmt.Errorf("ptrace(PTRACE_ATTACH, %d): %w", pid, err)
	}
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil { // until it has stopped
		return fmt.Errorf("wait4(%d): %w", pid, err)
	}
	regions, err := writable(pid)
	if err != nil {
		return err
	}
	found, err := addresses(regions, "alice", vmRead(pid))
	if err != nil {
		return err
	}
	for _, at := range found {
		if _, err := unix.PtracePokeData(pid, uintptr(at), []byte("trudy")); err != nil {
			return fmt.Errorf("ptrace(PTRACE_POKEDATA, %d): %w", pid, err)
		}
	}
	if err := unix.PtraceDetach(pid); err != nil {
		return fmt.Errorf("ptrace(PTRACE_DETACH, %d): %w", pid, err)
	}
	a.Saw(fmt.Sprintf("ptrace(PTRACE_POKEDATA, %d), places where alice became trudy", pid), strconv.Itoa(len(found)))
	return nil
}

// half counts what Prepare has prepared: 1 without the mechanism, 2 with it. A proof has a
// process of its own, and the engine runs the halves in this order.
var half int

// aStranger starts a process of student's, and looks at it when the attack is over.
func aStranger(r *proof.Report) (cleanup func(), err error) {
	half++
	after := fmt.Sprintf("after-%d", half)
	cmd := exec.Command("cat")
	if err := asStudent(cmd); err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL // a stopped cat does not read the end of its input
	cat, err := start(cmd)
	if err != nil {
		return nil, err
	}
	sawVictim(r, cat)
	return func() {
		state, err := status(cat.pid(), "State")
		if err != nil {
			state = answer(err)
		}
		r.Saw(after, fmt.Sprintf("afterwards: grep State /proc/%d/status", cat.pid()), state)
		unix.Kill(cat.pid(), unix.SIGCONT) // or it would never read the end of its input
		cat.end()
	}, nil
}

// aCashier starts a program of student's that has been told whom to pay, and says so
// whenever it is asked.
func aCashier(r *proof.Report) (cleanup func(), err error) {
	half++
	after := fmt.Sprintf("after-%d", half)
	cmd := exec.Command("sh", "-c", `read -r orders; while read -r line; do echo "$orders"; done`)
	if err := asStudent(cmd); err != nil {
		return nil, err
	}
	cashier, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(cashier.in, "pay alice"); err != nil {
		return nil, errors.Join(err, cashier.end())
	}
	says, err := cashier.ask("?")
	if err != nil {
		return nil, errors.Join(err, cashier.end())
	}
	sawVictim(r, cashier)
	// What else could stop the attack: 1 would allow it to the victim's ancestors only.
	if scope, err := os.ReadFile(yamaScope); err == nil {
		r.Saw("yama", "cat "+yamaScope, strings.TrimSpace(string(scope)))
	}
	r.Saw("before", "the victim is asked, and says", says)
	return func() {
		says, err := cashier.ask("?")
		if err != nil {
			says = err.Error()
		}
		r.Saw(after, "afterwards the victim is asked, and says", says)
		cashier.end()
	}, nil
}

// sawVictim tells the reader and the attacker who the victim is.
func sawVictim(r *proof.Report, victim *witness) {
	r.Sawf("victim", "the victim's PID", "%d", victim.pid())
	r.Pass("victim", strconv.Itoa(victim.pid()))
}

// inNewPID is the mechanism: the attacker is student as before, and born in a new PID
// namespace. Nothing else is taken from it; the /proc that it sees is the old one.
func inNewPID(cmd *exec.Cmd) error {
	if err := asStudent(cmd); err != nil {
		return err
	}
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID
	return nil
}

// asStudent has the child run as the ordinary user student. It is set in the parent;
// setgroups, setgid, setuid are called in the child, after clone(2) and before execve(2).
func asStudent(cmd *exec.Cmd) error {
	student, err := studentID()
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &student}
	return nil
}

// studentID: in the lab there is a student, on another machine nobody has to do.
func studentID() (syscall.Credential, error) {
	u, err := user.Lookup("student")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return syscall.Credential{}, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return syscall.Credential{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return syscall.Credential{}, err
	}
	return syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
