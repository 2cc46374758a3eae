// Package progress keeps what a student has reached, in a text file that people can read,
// mend and carry to another machine: a line for each check of a homework.
//
//	2026-11-22 08:10  03-filesystem  70/100  pivot 30/30  overlay 15/15  rootfs 0/15
package progress

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Task is how far one task came.
type Task struct {
	ID         string
	Points, Of int
}

// An Entry is one check of one homework.
type Entry struct {
	At         time.Time // to the minute, local
	Lesson     string    // 03-filesystem
	Points, Of int
	Tasks      []Task
}

// Done is true when nothing is missing.
func (e Entry) Done() bool { return e.Of > 0 && e.Points == e.Of }

const minute = "2006-01-02 15:04"

// String is the line of the file, without its end.
func (e Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %d/%d", e.At.Format(minute), e.Lesson, e.Points, e.Of)
	for _, t := range e.Tasks {
		fmt.Fprintf(&b, "  %s %d/%d", t.ID, t.Points, t.Of)
	}
	return b.String()
}

// Parse reads a line. What is none, a note or a line from another version, is not ok.
func Parse(line string) (e Entry, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f)%2 != 0 {
		return Entry{}, false
	}
	var err error
	if e.At, err = time.ParseInLocation(minute, f[0]+" "+f[1], time.Local); err != nil {
		return Entry{}, false
	}
	e.Lesson = f[2]
	if e.Points, e.Of, ok = points(f[3]); !ok {
		return Entry{}, false
	}
	for i := 4; i < len(f); i += 2 {
		t := Task{ID: f[i]}
		if t.Points, t.Of, ok = points(f[i+1]); !ok {
			return Entry{}, false
		}
		e.Tasks = append(e.Tasks, t)
	}
	return e, true
}

func points(text string) (got, of int, ok bool) {
	n, err := fmt.Sscanf(text, "%d/%d", &got, &of)
	return got, of, err == nil && n == 2
}

// Add appends an entry. One write to a file that is open for appending: two checks at once
// make two lines.
func Add(path string, e Entry) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(e.String() + "\n")
	return errors.Join(err, f.Close())
}

// Best is each lesson's best check, by the lesson's name; of equals, the first.
func Best(path string) (map[string]Entry, error) {
	best := map[string]Entry{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return best, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		e, ok := Parse(line)
		if before, seen := best[e.Lesson]; ok && (!seen || e.Points > before.Points) {
			best[e.Lesson] = e
		}
	}
	return best, nil
}
