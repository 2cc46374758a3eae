// Package cast keeps what a terminal showed, and when: asciicast v2
// (docs.asciinema.org/manual/asciicast/v2), the format of asciinema's recorder and players.
//
// It is plumbing, taught by no lesson. A file is a header, one JSON object on the first
// line, and then an event a line: [seconds since the begin, code, data]. The codes here are
// "o", what was written to the terminal, and "m", a marker. A reader passes over the others.
package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
	"unicode/utf8"
)

// A Header is the first line. Width and Height are of the terminal.
type Header struct {
	Version   int               `json:"version"`
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	Timestamp int64             `json:"timestamp,omitempty"` // of the begin, Unix time
	Duration  float64           `json:"duration,omitempty"`  // in seconds
	IdleLimit float64           `json:"idle_time_limit,omitempty"`
	Command   string            `json:"command,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// The codes of events.
const (
	Output = "o"
	Marker = "m"
)

// An Event is one of the other lines.
type Event struct {
	At   time.Duration // since the begin
	Code string
	Data string
}

// A Recording is a whole file.
type Recording struct {
	Header
	Events []Event
}

// A Recorder is a terminal that keeps what it is shown.
type Recorder struct {
	mu     sync.Mutex
	begun  time.Time
	paused time.Duration // that passed on the recording alone
	events []Event
}

// NewRecorder begins now.
func NewRecorder() *Recorder { return &Recorder{begun: time.Now()} }

func (r *Recorder) add(code, data string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, Event{time.Since(r.begun) + r.paused, code, data})
}

// Write records p. A line ends as the kernel's terminal would have ended it (ONLCR, termios(3)).
func (r *Recorder) Write(p []byte) (int, error) {
	r.add(Output, string(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))))
	return len(p), nil
}

// Mark sets a marker: players show them, and can stop there.
func (r *Recorder) Mark(label string) { r.add(Marker, label) }

// Pause lets d pass for whoever plays the recording. Nobody waits now.
func (r *Recorder) Pause(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused += d
}

// End gives the recording, under a header that says how long it is.
func (r *Recorder) End(h Header) Recording {
	r.add(Output, "") // the last pause is part of it
	r.mu.Lock()
	defer r.mu.Unlock()
	h.Version, h.Timestamp = 2, r.begun.Unix()
	h.Duration = math.Round(r.events[len(r.events)-1].At.Seconds()*1e6) / 1e6
	return Recording{h, r.events}
}

// Encode writes the file.
func (r Recording) Encode(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(r.Header); err != nil {
		return err
	}
	for _, e := range r.Events {
		at := json.RawMessage(fmt.Sprintf("%.6f", e.At.Seconds()))
		if err := out.Encode([]any{at, e.Code, e.Data}); err != nil {
			return err
		}
	}
	return nil
}

// What can be wrong with a file; the error says more.
var (
	ErrForeign   = errors.New("not an asciicast v2 file")
	ErrTruncated = errors.New("the recording is cut off")
)

// A Bad file is one of both: from line Line on, for the reason Why.
type Bad struct {
	Kind error
	Line int
	Why  string
}

func (b *Bad) Error() string { return fmt.Sprintf("%v: line %d: %s", b.Kind, b.Line, b.Why) }
func (b *Bad) Unwrap() error { return b.Kind }

// longest is how long a line may be: a file that is something else has perhaps no lines.
const longest = 16 << 20

// Read reads a file, and believes nothing of it.
func Read(from io.Reader) (Recording, error) {
	var r Recording
	n := 1
	bad := func(kind error, format string, args ...any) (Recording, error) {
		return Recording{}, &Bad{kind, n, fmt.Sprintf(format, args...)}
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longest)
	if !lines.Scan() {
		return bad(ErrForeign, "there is none")
	}
	if err := json.Unmarshal(lines.Bytes(), &r.Header); err != nil || !utf8.Valid(lines.Bytes()) {
		return bad(ErrForeign, "no JSON header")
	}
	switch {
	case r.Version != 2:
		return bad(ErrForeign, "the version is %d", r.Version)
	case r.Width < 1 || r.Height < 1 || r.Width > 10000 || r.Height > 10000:
		return bad(ErrForeign, "a terminal of %d x %d", r.Width, r.Height)
	}
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		e, err := parseEvent(lines.Bytes())
		if err != nil {
			if !lines.Scan() && lines.Err() == nil { // the last line
				return bad(ErrTruncated, "%v", err)
			}
			return bad(ErrForeign, "%v", err)
		}
		if len(r.Events) > 0 && e.At < r.Events[len(r.Events)-1].At {
			return bad(ErrForeign, "it is earlier than the one before")
		}
		r.Events = append(r.Events, e)
	}
	if err := lines.Err(); err != nil {
		n++
		return bad(ErrForeign, "%v", err)
	}
	if len(r.Events) == 0 {
		return bad(ErrTruncated, "nothing follows the header")
	}
	// Another recorder may count the duration otherwise than to the last event; ours does not.
	if last := r.Events[len(r.Events)-1].At.Seconds(); last < r.Duration-1 {
		return bad(ErrTruncated, "it ends after %.1f s of %.1f", last, r.Duration)
	}
	return r, nil
}

func parseEvent(line []byte) (Event, error) {
	var parts []json.RawMessage
	var e Event
	var at float64
	if err := json.Unmarshal(line, &parts); err != nil || len(parts) != 3 {
		return e, errors.New("no event, which would be [time, code, data]")
	}
	if json.Unmarshal(parts[0], &at) != nil || json.Unmarshal(parts[1], &e.Code) != nil {
		return e, errors.New("no event, which would be [time, code, data]")
	}
	if at < 0 || at > 1e6 {
		return e, fmt.Errorf("time %v", at)
	}
	e.At = time.Duration(math.Round(at*1e6)) * time.Microsecond
	if e.Code != Output && e.Code != Marker {
		return e, nil // its data may be anything
	}
	if json.Unmarshal(parts[2], &e.Data) != nil {
		return e, errors.New("the data is no text")
	}
	return e, nil
}

// Gap is how long a player waits before event i: as long as it was, or as the header limits it.
func (r Recording) Gap(i int) time.Duration {
	before := time.Duration(0)
	if i > 0 {
		before = r.Events[i-1].At
	}
	gap := r.Events[i].At - before
	if limit := time.Duration(r.IdleLimit * float64(time.Second)); limit > 0 {
		gap = min(gap, limit)
	}
	return gap
}
