package proof

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/vm"
)

// fakeGuest runs "true", hangs on anything else, and dies when it is closed.
type fakeGuest struct{ dead chan struct{} }

func (g *fakeGuest) Run(ctx context.Context, c vm.Cmd) (int, error) {
	if c.Argv[0] == "true" {
		return 0, nil
	}
	select {
	case <-g.dead:
		return 0, vm.ErrDied
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
func (g *fakeGuest) PID() int     { return 42 }
func (g *fakeGuest) Scale() int   { return 1 }
func (g *fakeGuest) Close() error { close(g.dead); return nil }

// watched runs a proof that reports "lit" and then does nothing until its guest dies.
func watchedRun(t *testing.T, p *Proof) (*Seen, bool, error) {
	g := &fakeGuest{dead: make(chan struct{})}
	seen := &Seen{words: &english, facts: map[string]event{}, halves: map[string]*halfSeen{}}
	events := &lines{each: func(line string) {
		e, ok := parseEvent(line)
		require.True(t, ok, "%q is no event", line)
		seen.note(e)
	}}
	ended, err := watch(t.Context(), p, g, events, func(events io.Writer) error {
		var text bytes.Buffer
		(&wire{w: &text}).send(event{Type: typeFact, Key: "lit", Question: "lit", Answer: "yes"})
		first, second, _ := strings.Cut(text.String(), "lit")
		io.WriteString(events, first) // a line in two parts: the host may speak in between
		time.Sleep(10 * time.Millisecond)
		io.WriteString(events, "lit"+second)
		if p.ID == "ends" {
			return nil
		}
		_, err := g.Run(t.Context(), vm.Cmd{Argv: []string{"hang"}})
		return err
	})
	return seen, ended, err
}

func TestWatchEndsTheGuest(t *testing.T) {
	seen, ended, err := watchedRun(t, &Proof{ID: "hangs", Watch: func(w *Watch) {
		w.Saw("early", "before the proof has spoken", "yes")
		answer, ok := w.Wait("lit", 5*time.Second)
		assert.True(t, ok)
		assert.Equal(t, "yes", answer)
		_, ok = w.Answers(5*time.Second, "true")
		assert.True(t, ok)
		took, ok := w.Answers(20*time.Millisecond, "hang")
		assert.False(t, ok)
		assert.GreaterOrEqual(t, took, 20*time.Millisecond)
		w.Sawf("qemu", "PID", "%d", w.QEMU())
		w.End()
	}})
	require.NoError(t, err)
	assert.True(t, ended)
	assert.Equal(t, "yes", seen.Get("early"))
	assert.Equal(t, "42", seen.Get("qemu"))
	assert.Equal(t, "yes", seen.Get("lit"))
}

func TestWatchIsToldThatTheProofHasEnded(t *testing.T) {
	seen, ended, err := watchedRun(t, &Proof{ID: "ends", Watch: func(w *Watch) {
		<-w.Done()
		_, ok := w.Wait("never", time.Hour)
		assert.False(t, ok)
		panic("lost")
	}})
	require.NoError(t, err)
	assert.False(t, ended)
	require.Len(t, seen.reasons, 1, "a watch that breaks refutes the claim")
	assert.Contains(t, seen.reasons[0].Text, "lost")
}

func TestAnAttackMayBeEndedBySignal(t *testing.T) {
	died := &Fault{Text: "ended by SIGKILL", Signal: 9}
	for _, c := range []struct {
		name   string
		attack *Attack
		result *Fault
		proved bool
	}{
		{"by the signal", &Attack{Signal: 9}, died, true},
		{"by another", &Attack{Signal: 6}, died, false},
		{"by one where an errno is due", &Attack{Errno: 1}, died, false},
		{"not at all", &Attack{Signal: 9}, nil, false},
		{"an errno where a signal is due", &Attack{Signal: 9}, &Fault{Text: "EPERM", Errno: 1}, false},
	} {
		s := &Seen{words: &english, ended: true, halves: map[string]*halfSeen{without: {ran: true}, with: {ran: true, result: c.result}}}
		assert.Equal(t, c.proved, len(s.decide(&Proof{Attack: c.attack})) == 0, c.name)
	}
}
