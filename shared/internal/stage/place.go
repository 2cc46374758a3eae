package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A State is where a lesson on the stage is, for whoever follows it.
type State struct {
	IDs   []string  `json:"ids"` // of the proofs that were chosen, in order
	At    int       `json:"at"`  // the place in IDs
	Phase string    `json:"phase"`
	Word  string    `json:"word,omitempty"` // the verdict, in the stage's language
	Good  bool      `json:"good,omitempty"`
	Begun time.Time `json:"begun,omitzero"` // the clock; zero: not yet
	Since time.Time `json:"since"`          // this proof came up
	Plan  Plan      `json:"plan"`
}

// The phases of a proof.
const (
	Shown   = "shown"
	RunsNow = "runs"
	Done    = "done"
)

// A Place is the file in which a lesson on the stage says where it is. The one who says so
// holds a lock on the file, which the kernel takes away with its process: so a reader knows
// a state that somebody means from one that a killed process has left (flock(2)).
type Place struct {
	path string
	file *os.File
}

// Take makes the file anew: of two runs of a lesson the later one is followed. "" is no file.
func Take(path string) (*Place, error) {
	if path == "" {
		return &Place{}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return nil, err
	}
	err = lock(file, unix.LOCK_EX)
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		file.Close()
		return nil, fmt.Errorf("the place for the notes: %w", err)
	}
	return &Place{path, file}, nil
}

func lock(file *os.File, how int) error {
	if err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB); err != nil {
		return &os.PathError{Op: "flock", Path: file.Name(), Err: err}
	}
	return nil
}

// Say replaces the state. A reader that comes in between sees no JSON, and asks again.
func (p *Place) Say(s State) {
	if p.file == nil {
		return
	}
	data, err := json.Marshal(s)
	if err != nil {
		return // cannot happen: a state is numbers and strings
	}
	// Notes that lag behind are no reason to stop a lecture.
	p.file.WriteAt(data, 0)
	p.file.Truncate(int64(len(data)))
}

// Leave removes the file, unless a later run has taken its name.
func (p *Place) Leave() {
	if p.file == nil {
		return
	}
	ours, err := p.file.Stat()
	if now, err2 := os.Stat(p.path); err == nil && err2 == nil && os.SameFile(ours, now) {
		os.Remove(p.path)
	}
	p.file.Close()
	p.file = nil
}

// Errors of Look.
var (
	ErrNobody  = errors.New("nobody is on the stage")
	ErrBetween = errors.New("the state is being written")
)

// Look reads what the lesson on the stage says.
func Look(path string) (State, error) {
	var s State
	file, err := os.Open(path)
	if err != nil {
		return s, ErrNobody
	}
	defer file.Close()
	if lock(file, unix.LOCK_SH) == nil { // so nobody holds it
		return s, ErrNobody
	}
	data, err := io.ReadAll(file)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil || s.At < 0 || s.At >= len(s.IDs) {
		return s, ErrBetween
	}
	return s, nil
}
