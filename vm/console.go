package vm

import (
	"crypto/rand"
	"strings"
	"sync"
)

// consoleLines is how much of a dead guest's console is shown.
const consoleLines = 25

// A tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	mu   sync.Mutex
	data []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if n := len(t.data) - 16<<10; n > 0 {
		t.data = append([]byte(nil), t.data[n:]...)
	}
	return len(p), nil
}

// String is the last lines, without carriage returns and escape sequences of firmware.
func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' {
			return r
		}
		return -1
	}, string(t.data))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-consoleLines):], "\n")
}

func (t *tailBuffer) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.data) == 0
}

// randomSeed is 32 bytes from the host's pool for the guest's.
func randomSeed() ([]byte, error) {
	seed := make([]byte, 32)
	_, err := rand.Read(seed)
	return seed, err
}
