package class

import (
	"fmt"
	"strings"

	"mydocker.example/shared/course/internal/grader"
)

// Gradescope is a result in the form that its autograders write to results.json
// (gradescope-autograders.readthedocs.io, "Autograder Specifications").
type Gradescope struct {
	Score  int    `json:"score"`
	Output string `json:"output,omitempty"`
	Tests  []Test `json:"tests,omitempty"`
}

// A Test is one line of it.
type Test struct {
	Number   string `json:"number"`
	Name     string `json:"name"`
	Score    int    `json:"score"`
	MaxScore int    `json:"max_score"`
	Status   string `json:"status"` // "passed" or "failed"
	Output   string `json:"output,omitempty"`
}

// Gradescope renders a record.
func (r Record) Gradescope() Gradescope {
	g := Gradescope{Score: r.Points, Output: r.Why}
	for _, t := range r.Report.Tasks {
		test := Test{Number: t.Number, Name: t.Task + ": " + t.Title, Score: t.Points, MaxScore: t.Of, Status: "failed"}
		if r.Status != Graded {
			test.Score = 0
		} else if t.Verdict == grader.Pass {
			test.Status = "passed"
		}
		var b strings.Builder
		b.WriteString(t.Text)
		for _, f := range t.Facts {
			fmt.Fprintf(&b, "\n%s → %s", f.Question, f.Answer)
		}
		test.Output = strings.TrimSpace(b.String())
		g.Tests = append(g.Tests, test)
	}
	return g
}

// SaveGradescope writes it.
func (r Record) SaveGradescope(path string) error { return saveJSON(path, r.Gradescope()) }
