package vm

import (
	"crypto/rand"
	"regexp"
	"slices"
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

// String is the last lines, from the kernel's panic on where there was one, without escape
// sequences of firmware and without the register dump.
func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return consoleTail(string(t.data))
}

// noise is what a panic prints for kernel engineers: registers, code bytes, guessed frames.
var noise = regexp.MustCompile(`\] (R[A-Z0-9]{2}: |RSP: |Code: |[CDEF]S: |CR[0-9]: |Modules linked in| \? | </?TASK>)`)

func consoleTail(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' {
			return r
		}
		return -1
	}, text)
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if !noise.MatchString(line) {
			lines = append(lines, line)
		}
	}
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "Kernel panic") }); i >= 0 {
		return strings.Join(lines[i:min(len(lines), i+consoleLines)], "\n")
	}
	return strings.Join(lines[max(0, len(lines)-consoleLines):], "\n")
}

// randomSeed is 32 bytes from the host's pool for the guest's.
func randomSeed() ([]byte, error) {
	seed := make([]byte, 32)
	_, err := rand.Read(seed)
	return seed, err
}
