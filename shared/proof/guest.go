package proof

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/internal/procs"
)

// What the judge says to the proof's process.
const (
	proofEnv  = "COURSE_PROOF"  // which proof to run
	eventsEnv = "COURSE_EVENTS" // the descriptor for events
	scaleEnv  = "COURSE_SCALE"  // by how much time limits grow here
)

// runGuest is the guest's side: it runs one proof and returns the exit code.
func runGuest(l Lesson, id string) int {
	p := find(l.Proofs, id)
	fd, err := strconv.Atoi(os.Getenv(eventsEnv))
	if p == nil || err != nil {
		fmt.Fprintf(os.Stderr, "%s=%s: the judge starts this, people do not\n", proofEnv, id)
		return 2
	}
	// What the proof starts must neither believe itself the proof nor hold the port open.
	os.Unsetenv(proofEnv)
	os.Unsetenv(eventsEnv)
	unix.CloseOnExec(fd)
	out := &wire{w: os.NewFile(uintptr(fd), "events")}

	if !p.Orphans {
		// Orphans become children of this process, not of process 1: none is missed at the end.
		if err := procs.Adopt(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Setenv(markEnv, mark())
	go endOnSignal()

	err = p.run(out)
	if left := killLeftovers(leftoverGrace); len(left) > 0 {
		out.send(event{Type: typeLeft, Left: left})
	}
	out.send(event{Type: typeEnd, Fault: newFault(err)})
	if err != nil {
		return 1
	}
	return 0
}

// run is the proof itself, then its attack.
func (p *Proof) run(out *wire) error {
	if p.Guest != nil {
		if err := protect(func() error { return p.Guest(&Report{wire: out}) }); err != nil {
			return err
		}
	}
	if p.Attack == nil {
		return nil
	}
	for _, half := range []string{without, with} {
		if err := protect(func() error { return p.Attack.runHalf(p.ID, half, out) }); err != nil {
			return err
		}
	}
	return nil
}

// endOnSignal cleans up when the judge wants the proof to end: Ctrl-C, or its time is over.
func endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGHUP)
	<-signals
	killLeftovers(0)
	os.Exit(128 + int(unix.SIGTERM))
}

// protect makes an error out of a panic: one proof's bug is that proof's refutation.
func protect(fn func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v%s", reason, panicPlace())
		}
	}()
	return fn()
}

// panicPlace is the first line of the course's own code below the panic.
func panicPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.File != "" {
			return fmt.Sprintf(" (%s:%d)", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

func find(proofs []Proof, id string) *Proof {
	for i := range proofs {
		if proofs[i].ID == id {
			return &proofs[i]
		}
	}
	return nil
}
