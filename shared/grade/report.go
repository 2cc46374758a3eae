package grade

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"mydocker.example/shared/prose"
)

// A reporter tells the verdicts: the course tool as JSON lines, or people.
type reporter struct {
	events io.Writer // nil: people
	people io.Writer
}

func openReporter() (*reporter, error) {
	fd, err := eventsFD()
	if err != nil {
		return nil, err
	}
	if fd >= 0 {
		return &reporter{events: os.NewFile(uintptr(fd), "events")}, nil
	}
	return &reporter{people: os.Stdout}, nil
}

func (r *reporter) tell(s prose.Section, v *verdict) {
	if r.events != nil {
		line, err := json.Marshal(struct {
			Task   string `json:"task"`
			Number string `json:"number"`
			*verdict
		}{s.ID, s.Number, v})
		if err == nil { // it cannot fail: a verdict is strings
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
