package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"mydocker.example/vm"
)

// lab is the place where proofs belong: guests of the lab. Proofs share one guest, except
// those that need their own; a guest in which something went wrong is not used again.
type lab struct {
	name   string
	here   host // for proofs that are not for a guest
	log    io.Writer
	next   chan started // the guest that is being started, or nil
	shared *vm.Guest    // the guest of the proofs so far, or nil
}

// started is a guest with this binary in it.
type started struct {
	guest *vm.Guest
	err   error
}

func newLab(l Lesson, log io.Writer) *lab { return &lab{name: l.Name, here: host{l.Name}, log: log} }

// binary is where the guest finds this program.
func (l *lab) binary() string { return path.Join("/lab/bin", l.name) }

func (l *lab) prepare(ctx context.Context, p *Proof) {
	if !p.Host && l.next == nil && (l.shared == nil || p.ownGuest()) {
		l.next = make(chan started, 1)
		go func(to chan<- started) { to <- l.start(ctx) }(l.next)
	}
}

// start starts a guest and puts this binary into it.
func (l *lab) start(ctx context.Context) started {
	g, err := vm.Start(ctx, vm.Options{Log: l.log})
	if err != nil {
		return started{err: fmt.Errorf("the lab did not start: %w", err)}
	}
	self, err := os.Open("/proc/self/exe")
	if err == nil {
		err = g.Put(ctx, l.binary(), 0o755, self)
		self.Close()
	}
	if path := os.Getenv(mydockerEnv); err == nil && path != "" {
		err = g.PutFile(ctx, labMydocker, 0o755, path)
	}
	if err != nil {
		g.Close()
		return started{err: fmt.Errorf("the lab did not take the program: %w", err)}
	}
	return started{guest: g}
}

// guestFor gives the guest that p is to run in.
func (l *lab) guestFor(ctx context.Context, p *Proof) (*vm.Guest, error) {
	if l.shared != nil && !p.ownGuest() {
		return l.shared, nil
	}
	l.prepare(ctx, p)
	s := <-l.next
	l.next = nil
	if s.err == nil && !p.ownGuest() {
		l.shared = s.guest
	}
	return s.guest, s.err
}

func (l *lab) run(ctx context.Context, p *Proof, events, output io.Writer) (outcome, error) {
	if p.Host {
		return l.here.run(ctx, p, events, output)
	}
	g, err := l.guestFor(ctx, p)
	if err != nil {
		return outcome{}, err
	}
	if p.ownGuest() {
		defer g.Close()
	}
	o := outcome{limit: p.timeout() * time.Duration(g.Scale())}
	run := func(events io.Writer) (err error) {
		o.exit, err = g.Run(ctx, vm.Cmd{
			Argv: []string{l.binary()},
			Env:  []string{proofEnv + "=" + p.ID, fmt.Sprintf("%s=%d", scaleEnv, g.Scale()), mydockerEnv + "=" + labMydocker},
			User: p.User, Stdout: output, Stderr: output, Events: events,
			Timeout: p.timeout(),
		})
		return err
	}
	if p.Watch == nil {
		err = run(events)
	} else {
		o.watched, err = watch(ctx, p, g, events, run)
	}
	if err == nil {
		return o, nil
	}
	o.died, o.timedOut, o.console = errors.Is(err, vm.ErrDied), errors.Is(err, vm.ErrTimeout), g.Console()
	if l.shared == g {
		l.shared = nil
		g.Close()
	}
	if o.died || o.timedOut {
		err = nil
	}
	return o, err
}

func (l *lab) close() error {
	if l.next != nil {
		if s := <-l.next; s.guest != nil {
			s.guest.Close()
		}
	}
	if l.shared != nil {
		return l.shared.Close()
	}
	return nil
}

// advice adds what to do about an error of the lab.
func advice(err error, w *words) string {
	if errors.Is(err, vm.ErrNoImage) {
		return err.Error() + "\n" + w.noImage
	}
	return err.Error()
}
