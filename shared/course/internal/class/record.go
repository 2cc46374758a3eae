package class

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/hold"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/whole"
)

// How a work ended up.
const (
	Graded   = "graded"
	Refused  = "refused"  // not graded: it does not compile, or is no submission
	Attacked = "attacked" // it took the lab or the checks down, and has no points
)

// A Record is one work's result, as it is kept: whoever grades again need not wait for what
// has not changed.
type Record struct {
	Name   string        `json:"name"`
	Key    string        `json:"key"` // of the work and of the checks that it was held against
	Status string        `json:"status"`
	Why    string        `json:"why,omitempty"`
	Points int           `json:"points"`
	Of     int           `json:"of"`
	Report grader.Report `json:"report"`
}

// Judge makes a record of a report. A program that ends the lab's kernel, hangs it, kills the
// checks or writes in their name is no homework, whatever it did before. Which of the first
// three a fork bomb comes to is chance, so the table says "down" for all; the report has it.
func Judge(name, key string, r grader.Report) Record {
	rec := Record{Name: name, Key: key, Status: Graded, Points: r.Points, Of: r.Of, Report: r}
	switch {
	case r.Forged, r.Ended != "" && r.Ended != "hang":
		rec.Status, rec.Why = Attacked, "down"
		if r.Forged {
			rec.Why = "forged"
		} else if r.Ended == "disk-full" {
			rec.Why = r.Ended
		}
	case len(r.Refused) > 0:
		rec.Status, rec.Why = Refused, strings.Join(r.Refused, "; ")
	case r.Ended != "":
		rec.Why = r.Ended
	}
	if rec.Status != Graded {
		rec.Points = 0
	}
	return rec
}

// Broken is true when a check itself could not run: such a result is not worth keeping. After
// an attack that is no wonder.
func (r Record) Broken() bool {
	if r.Status != Graded {
		return false
	}
	for _, t := range r.Report.Tasks {
		if t.Verdict == grader.Broken {
			return true
		}
	}
	return false
}

// Load reads a record. One that is not there, or cannot be read, is not ok: it is made anew.
func Load(path string) (r Record, ok bool) {
	data, err := os.ReadFile(path)
	return r, err == nil && json.Unmarshal(data, &r) == nil && r.Name != ""
}

// Save writes a record, whole or not at all.
func (r Record) Save(path string) error { return saveJSON(path, r) }

func saveJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return whole.Write(path, append(data, '\n'))
}

// Table writes the records as CSV: a row a student, a column a task.
func Table(path string, tasks []string, records []Record) error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write(append(append([]string{"name", "points", "of"}, tasks...), "status", "why"))
	for _, r := range records {
		row := []string{r.Name, strconv.Itoa(r.Points), strconv.Itoa(r.Of)}
		for _, id := range tasks {
			row = append(row, strconv.Itoa(r.task(id)))
		}
		w.Write(append(row, r.Status, firstLine(r.Why)))
	}
	w.Flush()
	return errors.Join(w.Error(), whole.Write(path, []byte(b.String())))
}

func (r Record) task(id string) int {
	for _, t := range r.Report.Tasks {
		if t.Task == id && r.Status == Graded {
			return t.Points
		}
	}
	return 0
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Sweep removes what a run that was killed has left in the folder of reports.
func Sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(escape(dir), ".new-*"))
	for _, path := range left {
		if e := os.Remove(path); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Lock keeps a second run from the same reports. The lock goes with the process, however it ends.
func Lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err = hold.Dir(dir)
	if err != nil {
		return nil, fmt.Errorf(say.T("%s: somebody else is writing there; wait, or name another OUT (%w)", "%s: туда уже пишут; подождите или назовите другой OUT (%w)"), dir, err)
	}
	return unlock, nil
}
