package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"mydocker.example/vm"
)

// A Watch is the host's view of a proof while the proof runs in its guest: what the judge
// alone could not know afterwards, because then the guest may be gone. Its facts go to the
// judge beside the proof's own.
type Watch struct {
	wire  *wire
	guest watched
	done  context.Context

	mu      sync.Mutex
	facts   map[string]string
	arrived chan struct{} // closed, and made anew, with each fact
	ended   bool
}

// watched is what a Watch needs of a guest: a *vm.Guest has it.
type watched interface {
	Run(ctx context.Context, c vm.Cmd) (int, error)
	PID() int
	Scale() int
	Close() error
}

// Saw reports a fact of the host's.
func (w *Watch) Saw(key, question, answer string) {
	w.wire.send(event{Type: typeFact, Key: key, Question: question, Answer: answer})
}

// Sawf is Saw with a formatted answer.
func (w *Watch) Sawf(key, question, format string, args ...any) {
	w.Saw(key, question, fmt.Sprintf(format, args...))
}

// Wait waits until the proof has reported a fact, and returns its answer. false: the proof
// ended without it, or limit, of a machine that is not emulated, is over.
func (w *Watch) Wait(key string, limit time.Duration) (answer string, ok bool) {
	timer := time.NewTimer(limit * time.Duration(w.guest.Scale()))
	defer timer.Stop()
	for {
		w.mu.Lock()
		answer, ok = w.facts[key]
		arrived := w.arrived
		w.mu.Unlock()
		if ok {
			return answer, true
		}
		select {
		case <-arrived:
		case <-timer.C:
			return "", false
		case <-w.done.Done():
			return "", false
		}
	}
}

// Answers runs a command in the guest, as root, and says how long the guest took to run it
// to its end. false: it failed, or did not end within limit, which is not scaled. A command
// that a hung guest still owes is left to it.
func (w *Watch) Answers(limit time.Duration, argv ...string) (took time.Duration, ok bool) {
	begin := time.Now()
	ran := make(chan bool, 1)
	go func() {
		code, err := w.guest.Run(w.done, vm.Cmd{Argv: argv})
		ran <- err == nil && code == 0
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case ok = <-ran:
	case <-timer.C:
	}
	return time.Since(begin), ok
}

// QEMU is the number of the guest's process on this machine.
func (w *Watch) QEMU() int { return w.guest.PID() }

// Done is closed when the proof has ended.
func (w *Watch) Done() <-chan struct{} { return w.done.Done() }

// End throws the guest away: everything was seen. The proof needs a guest of its own.
func (w *Watch) End() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.guest.Close()
}

// note takes in what the proof reports.
func (w *Watch) note(e event) {
	if e.Type != typeFact {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts[e.Key] = e.Answer
	close(w.arrived)
	w.arrived = make(chan struct{})
}

// watch runs p in the guest by run, with its Watch beside it, and says whether the Watch
// has ended it. run is given where the proof's events go.
func watch(ctx context.Context, p *Proof, guest watched, events io.Writer, run func(events io.Writer) error) (ended bool, err error) {
	done, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &Watch{wire: &wire{w: events}, guest: guest, done: done, facts: map[string]string{}, arrived: make(chan struct{})}
	over := make(chan error, 1)
	go func() { over <- protect(func() error { p.Watch(w); return nil }) }()

	// Both sides write to events: the guest's part lines must not meet the host's.
	whole := &lines{each: func(line string) {
		if e, ok := parseEvent(line); ok {
			w.note(e)
		}
		io.WriteString(events, line+"\n")
	}}
	err = run(whole)
	cancel()
	broken := <-over
	if broken != nil {
		w.wire.send(event{Type: typeEnd, Fault: newFault(fmt.Errorf("the watch on the host: %w", broken))})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended && errors.Is(err, vm.ErrDied) {
		err = nil // by our own hand
	}
	return w.ended, err
}
