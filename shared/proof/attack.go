package proof

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// attackStage is the second stage in which an attack runs.
const attackStage = "attack"

// attackEnv carries the order to the attacker's process, as JSON.
const attackEnv = "COURSE_ATTACK"

// An order says which attack to run, in which half, and with what.
type order struct {
	ID     string            `json:"id"`
	Half   string            `json:"half"`
	Passed map[string]string `json:"passed"`
}

// runHalf runs the attack once, in the proof's process: victim, surroundings, attacker.
// What went wrong on the way is told as broken; the error is for the engine's own trouble.
func (a *Attack) runHalf(id, half string, out *wire) error {
	out.send(event{Type: typeHalf, Half: half})
	broken := func(err error) error {
		out.send(event{Type: typeBroken, Half: half, Fault: newFault(err)})
		return nil
	}

	r := &Report{wire: out, half: half}
	if a.Prepare != nil {
		cleanup, err := a.Prepare(r)
		if cleanup != nil {
			defer cleanup()
		}
		if err != nil {
			return broken(err)
		}
	}

	port, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer port.Close()
	defer theirs.Close()
	words, err := json.Marshal(order{ID: id, Half: half, Passed: r.passed})
	if err != nil {
		return err
	}
	cmd := reexec.Command(attackStage)
	cmd.Env = append(os.Environ(), attackEnv+"="+string(words))
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3; a mechanism may add more
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	set := a.Without
	if half == with {
		set = a.With
	}
	if set != nil {
		if err := set(cmd); err != nil {
			return broken(err)
		}
	}
	if err := cmd.Start(); err != nil {
		return broken(err)
	}
	theirs.Close() // ours must not keep the pipe open
	said := relay(port, out)
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && !said && a.Signal != 0 && status.Signaled() {
		sig := status.Signal()
		out.send(event{Type: typeGot, Half: half, Fault: &Fault{Text: "ended by " + unix.SignalName(sig), Signal: sig}})
		return nil
	}
	if !said {
		return broken(fmt.Errorf("the attacker's process ended without a word: %w", errors.Join(err, io.ErrUnexpectedEOF)))
	}
	return nil
}

// relay hands the attacker's events on to the judge, and says whether the outcome was one.
func relay(port io.Reader, out *wire) (outcome bool) {
	scanner := bufio.NewScanner(port)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			continue
		}
		outcome = outcome || e.Type == typeGot || e.Type == typeBroken
		out.send(e)
	}
	return outcome
}

// An Attacker is how the attack program says what it got.
type Attacker struct {
	wire  *wire
	order order
}

// Saw reports what the attack program saw.
func (a *Attacker) Saw(question, answer string) {
	a.wire.send(event{Type: typeFact, Half: a.order.Half, Question: question, Answer: answer})
}

// Get is a value that Prepare passed.
func (a *Attacker) Get(key string) string { return a.order.Passed[key] }

// runAttacker is the attacker's process: after clone(2) and execve(2) of this binary.
func runAttacker(l Lesson) {
	// What Inside does to a thread (capabilities, a filter, a namespace) must hold for the
	// attack: both stay on this one. It is never unlocked; the process ends with it.
	runtime.LockOSThread()
	unix.CloseOnExec(3)
	a := &Attacker{wire: &wire{w: os.NewFile(3, "events")}}
	if err := json.Unmarshal([]byte(os.Getenv(attackEnv)), &a.order); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", attackEnv, err)
		os.Exit(2)
	}
	os.Unsetenv(attackEnv)
	attack := find(l.Proofs, a.order.ID).Attack
	tell := func(kind string, err error) {
		a.wire.send(event{Type: kind, Half: a.order.Half, Fault: newFault(err)})
	}
	if a.order.Half == with && attack.Inside != nil {
		if err := protect(func() error { return attack.Inside(a) }); err != nil {
			tell(typeBroken, err)
			return
		}
	}
	tell(typeGot, protect(func() error { return attack.Run(a) }))
}
