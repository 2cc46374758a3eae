package proof

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// A Report is how a proof says, in the guest, what the kernel answered. Its methods may be
// called from any goroutine.
type Report struct {
	wire *wire
	half string // of an attack, while it is prepared

	mu     sync.Mutex
	passed map[string]string
}

// Saw reports a fact. It is shown at once as `question → answer`; the judge finds the
// answer under key.
func (r *Report) Saw(key, question, answer string) {
	r.wire.send(event{Type: typeFact, Half: r.half, Key: key, Question: question, Answer: answer})
}

// Sawf is Saw with a formatted answer.
func (r *Report) Sawf(key, question, format string, args ...any) {
	r.Saw(key, question, fmt.Sprintf(format, args...))
}

// Note shows one dim line between facts.
func (r *Report) Note(en, ru string) {
	r.wire.send(event{Type: typeNote, Half: r.half, En: en, Ru: ru})
}

// Pass hands a value to the attacker, which gets it by Attacker.Get. Call it in Prepare.
func (r *Report) Pass(key, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passed == nil {
		r.passed = map[string]string{}
	}
	r.passed[key] = value
}

// Eventually waits until ok says yes: what another process brings about takes time. It
// returns false when limit, of a machine that is not emulated, is over.
func (r *Report) Eventually(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit * time.Duration(scale()))
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	return true
}

// scale is by how much time limits grow on an emulated machine.
func scale() int {
	n, err := strconv.Atoi(os.Getenv(scaleEnv))
	if err != nil || n < 1 {
		return 1
	}
	return n
}
