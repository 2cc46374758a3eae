package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// An event is one line of JSON from the guest to the judge.
type event struct {
	Type string `json:"type"`

	Half     string `json:"half,omitempty"` // of an attack: without or with
	Key      string `json:"key,omitempty"`
	Question string `json:"question,omitempty"`
	Answer   string `json:"answer,omitempty"`
	En       string `json:"en,omitempty"`
	Ru       string `json:"ru,omitempty"`

	Fault *Fault   `json:"fault,omitempty"`
	Left  []string `json:"left,omitempty"`
}

// The types of events.
const (
	typeFact   = "fact"   // Question → Answer, under Key
	typeNote   = "note"   // En, Ru
	typeHalf   = "half"   // a half of an attack begins
	typeGot    = "got"    // the attack of this half ended: with Fault, or with what it wanted
	typeBroken = "broken" // the half could not be set up: Fault
	typeLeft   = "left"   // what the proof left behind: Left
	typeEnd    = "end"    // the proof ended by itself: with Fault, or well
)

const (
	without = "without"
	with    = "with"
)

// A Fault is an error as it crosses from the guest to the judge: its text, and the errno
// that the kernel gave, when it came from the kernel.
type Fault struct {
	Text  string     `json:"text"`
	Errno unix.Errno `json:"errno,omitempty"`
	Name  string     `json:"name,omitempty"` // EACCES

	Signal unix.Signal `json:"signal,omitempty"` // that ended the attacker, which could not say so
}

func newFault(err error) *Fault {
	if err == nil {
		return nil
	}
	f := &Fault{Text: err.Error()}
	if errors.As(err, &f.Errno) {
		f.Name = unix.ErrnoName(f.Errno)
	}
	return f
}

// String names the errno in front of its description: open(/x): EACCES: permission denied.
func (f *Fault) String() string {
	if f.Errno == 0 || strings.Contains(f.Text, f.Name+": ") {
		return f.Text
	}
	description := f.Errno.Error()
	if before, ok := strings.CutSuffix(f.Text, description); ok {
		return before + f.Name + ": " + description
	}
	return f.Text + " (" + f.Name + ": " + description + ")"
}

// A wire sends events as lines, from any goroutine.
type wire struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *wire) send(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		return // cannot happen: an event is strings
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.w.Write(append(line, '\n')) // a judge that is gone hears nothing
}

// lines is a writer that hands on what is written to it line by line.
type lines struct {
	mu   sync.Mutex
	part []byte
	each func(line string)
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, found := bytes.Cut(l.part, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.part = rest
		l.each(string(line))
	}
}

// flush hands on a last line that has no end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.each(string(l.part))
		l.part = nil
	}
}
