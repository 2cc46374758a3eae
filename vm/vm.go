// Package vm runs commands in the lab: a Linux guest under QEMU in which everything may be
// broken, because every run begins from the same clean state and ends with the guest.
//
//	guest, err := vm.Start(ctx, vm.Options{})
//	defer guest.Close()
//	code, err := guest.Run(ctx, vm.Cmd{Argv: []string{"uname", "-r"}, Stdout: os.Stdout})
//
// The first start boots a kernel and keeps a snapshot of the booted guest; later starts
// continue from there. The guest has no network device and no writable view of the host.
package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"mydocker.example/vm/internal/wire"
)

// Options say what a guest is given. The zero value is a pristine guest of the cached image.
type Options struct {
	Image Image     // zero: Find()
	Cold  bool      // boot, and neither use nor make a snapshot; COLD=1 in the environment asks for it too
	Share string    // a folder of the host that the guest sees, read-only, at /course; "" = none
	Log   io.Writer // lines for people about what takes time; nil = none
}

// A Guest is a running lab. Its methods may be called from any goroutine.
type Guest struct {
	machine *machine
	conn    *wire.Conn
	warm    bool
	shares  bool
	accel   string

	mu    sync.Mutex
	next  uint32
	talks map[uint32]chan wire.Frame
	pong  chan struct{}
	dead  chan struct{} // closed when the port is
	cause error
	ready chan struct{}
	awake chan struct{}
}

// Errors that callers tell apart with errors.Is. Both come wrapped with the last lines of
// the guest's console.
var (
	ErrDied    = errors.New("the guest died")
	ErrTimeout = errors.New("time limit")
)

// Start gives a guest that answers. It restores the snapshot where there is one, else it
// boots, and leaves a snapshot for the next time. It returns ErrNoImage (wrapped) where no
// image was built, and an error that ends with the console's last lines where no guest came up.
func Start(ctx context.Context, o Options) (*Guest, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Image.Key == "" {
		image, err := Find()
		if err != nil {
			return nil, err
		}
		o.Image = image
	}
	accel, err := chooseAccel(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Cold || os.Getenv("COLD") == "1" {
		return boot(ctx, spec{image: o.Image, accel: accel, share: o.Share})
	}
	return startWarm(ctx, o, accel)
}

// boot starts a machine from its kernel and waits until its agent is there.
func boot(ctx context.Context, s spec) (*Guest, error) {
	m, err := startMachine(s)
	if err != nil {
		return nil, err
	}
	g := newGuest(m, s)
	if err := g.await(ctx, g.ready, bootLimit(s.accel)); err != nil {
		g.Close()
		return nil, fmt.Errorf("the lab did not boot: %w", err)
	}
	if err := g.wake(ctx); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// bootLimit is how long a boot may take. Emulated, on a loaded machine, 20 s were seen.
func bootLimit(accel string) time.Duration {
	if accel == tcg {
		return 120 * time.Second
	}
	return 30 * time.Second
}

func newGuest(m *machine, s spec) *Guest {
	g := &Guest{
		machine: m, accel: s.accel, shares: s.share != "", conn: wire.NewConn(m.agent),
		talks: map[uint32]chan wire.Frame{},
		pong:  make(chan struct{}, 1), dead: make(chan struct{}),
		ready: make(chan struct{}), awake: make(chan struct{}),
	}
	go g.listen()
	return g
}

// listen reads the port until it closes and hands each frame to its conversation.
func (g *Guest) listen() {
	var ready, awake sync.Once
	for {
		f, err := g.conn.Receive()
		if err != nil {
			g.mu.Lock()
			g.cause = err
			g.mu.Unlock()
			close(g.dead)
			return
		}
		switch f.Kind {
		case wire.Ready:
			ready.Do(func() { close(g.ready) })
		case wire.Awake:
			awake.Do(func() { close(g.awake) })
		case wire.Pong:
			select {
			case g.pong <- struct{}{}:
			default:
			}
		default:
			g.mu.Lock()
			talk := g.talks[f.ID]
			g.mu.Unlock()
			if talk != nil {
				talk <- f
			}
		}
	}
}

// talk opens a conversation: a number, and the frames that the guest will answer with.
func (g *Guest) talk() (uint32, <-chan wire.Frame, func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next++
	id, frames := g.next, make(chan wire.Frame, 64)
	g.talks[id] = frames
	return id, frames, func() {
		g.mu.Lock()
		delete(g.talks, id)
		g.mu.Unlock()
		for { // listen may be about to hand over one more
			select {
			case <-frames:
			case <-time.After(0):
				return
			}
		}
	}
}

// wake sets the clock and the random pool, and shows that the agent answers.
func (g *Guest) wake(ctx context.Context) error {
	seed, err := randomSeed()
	if err != nil {
		return err
	}
	if err := g.conn.SendJSON(wire.Wake, 0, wire.WakeUp{Now: time.Now(), Seed: seed, Share: g.shares}); err != nil {
		return g.died(err)
	}
	return g.await(ctx, g.awake, 30*time.Second)
}

// Ping waits until the agent answers, or ctx ends.
func (g *Guest) Ping(ctx context.Context) error {
	if err := g.conn.Send(wire.Ping, 0, nil); err != nil {
		return g.died(err)
	}
	select {
	case <-g.pong:
		return nil
	case <-g.dead:
		return g.died(nil)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Guest) await(ctx context.Context, event <-chan struct{}, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-event:
		return nil
	case <-g.dead:
		return g.died(nil)
	case <-timer.C:
		return fmt.Errorf("%w: no word from the guest in %v%s", ErrTimeout, limit, g.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// died is ErrDied with what the guest's console said last.
func (g *Guest) died(err error) error {
	g.machine.settle()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w (%v)%s", ErrDied, err, g.tail())
	}
	return fmt.Errorf("%w%s", ErrDied, g.tail())
}

func (g *Guest) tail() string {
	text := g.Console()
	if text == "" {
		return ""
	}
	return "; its console ended with:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// Dead is closed when the guest no longer runs.
func (g *Guest) Dead() <-chan struct{} { return g.dead }

// Console is the last lines of the guest's serial console, and of QEMU's own errors.
func (g *Guest) Console() string { return g.machine.console.String() }

// Warm says whether the guest was restored from a snapshot.
func (g *Guest) Warm() bool { return g.warm }

// Accel is what runs the guest's instructions: "kvm", "hvf" or "tcg".
func (g *Guest) Accel() string { return g.accel }

// PID of the QEMU process on the host.
func (g *Guest) PID() int { return g.machine.cmd.Process.Pid }

// Scale is by how much time limits grow on this guest; Cmd.Timeout is multiplied by it.
func (g *Guest) Scale() int { return scale(g.accel) }

// Close ends the guest at once: nothing in it is worth an orderly shutdown.
func (g *Guest) Close() error { return g.machine.kill() }
