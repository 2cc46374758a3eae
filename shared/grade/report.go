package grade

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"mydocker.example/shared/internal/seal"
	"mydocker.example/shared/prose"
)

// A reporter tells the verdicts: the course tool as JSON lines, or people.
type reporter struct {
	events io.Writer    // nil: people
	sealed *seal.Writer // nil: as they are
	people io.Writer
}

func openReporter() (*reporter, error) {
	fd, err := eventsFD()
	if err != nil {
		return nil, err
	}
	if fd < 0 {
		return &reporter{people: os.Stdout}, nil
	}
	r := &reporter{events: os.NewFile(uintptr(fd), "events")}
	if os.Getenv("COURSE_SEALED") == "1" {
		// Read before any mydocker runs: from then on nothing that can be found in /proc
		// holds the secret but our own memory.
		r.sealed = &seal.Writer{}
		if _, err := io.ReadFull(os.Stdin, r.sealed.Key[:]); err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
	}
	return r, nil
}

func (r *reporter) tell(s prose.Section, v *verdict) {
	if r.events != nil {
		line, err := json.Marshal(struct {
			Task   string `json:"task"`
			Number string `json:"number"`
			*verdict
		}{s.ID, s.Number, v})
		if err != nil {
			return // cannot happen: a verdict is strings
		}
		if r.sealed != nil {
			r.events.Write(r.sealed.Line(line))
		} else {
			r.events.Write(append(line, '\n'))
		}
		return
	}
	text, points := v.En, 0
	if prose.Lang() == "ru" {
		text = v.Ru
	}
	if v.Verdict == pass {
		points = s.Points
	}
	fmt.Fprintf(r.people, "%-6s %2d/%d  %s %s: %s\n", v.Verdict, points, s.Points, s.Number, s.ID, s.Title)
	if text != "" {
		fmt.Fprintf(r.people, "       %s\n", text)
	}
	for _, f := range v.Facts {
		fmt.Fprintf(r.people, "       %s → %s\n", f.Question, f.Answer)
	}
}
