package proof

import (
	"encoding/json"
	"io"
	"sync"
)

// jsonLines tells a program: one JSON object a line, `type` first.
type jsonLines struct {
	mu     sync.Mutex
	out    *json.Encoder
	lesson string
}

func newJSONLines(out io.Writer, lesson string) *jsonLines {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return &jsonLines{out: encoder, lesson: lesson}
}

func (j *jsonLines) write(v any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out.Encode(v)
}

func (j *jsonLines) begin(title string) {
	j.write(struct {
		Type   string `json:"type"`
		Lesson string `json:"lesson"`
		Title  string `json:"title"`
	}{"lesson", j.lesson, title})
}

func (j *jsonLines) claim(c claim) {
	j.write(struct {
		Type   string `json:"type"`
		ID     string `json:"id"`
		Number string `json:"number"`
		Title  string `json:"title"`
	}{"proof", c.ID, c.Number, c.Title})
}

func (j *jsonLines) event(c claim, e event) {
	if e.Type == typeEnd {
		return // the verdict says it
	}
	j.write(struct {
		Type   string `json:"type"`
		ID     string `json:"id"`
		Number string `json:"number"`
		event
	}{e.Type, c.ID, c.Number, e})
}

func (j *jsonLines) output(c claim, line string) {
	j.write(struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Line string `json:"line"`
	}{"output", c.ID, line})
}

func (j *jsonLines) verdict(c claim, v verdict) {
	j.write(struct {
		Type    string   `json:"type"`
		ID      string   `json:"id"`
		Number  string   `json:"number"`
		Proved  bool     `json:"proved"`
		Reasons []Fault  `json:"reasons,omitempty"`
		Skipped *skipped `json:"notShown,omitempty"`
		Console string   `json:"console,omitempty"`
		Millis  int64    `json:"ms"`
	}{"verdict", c.ID, c.Number, v.proved(), v.reasons, v.skipped, v.console, v.took.Milliseconds()})
}

func (j *jsonLines) end(s summary) {
	refuted, notShown := []string{}, []string{}
	for _, c := range s.refuted {
		refuted = append(refuted, c.ID)
	}
	for _, c := range s.notShown {
		notShown = append(notShown, c.ID)
	}
	j.write(struct {
		Type     string   `json:"type"`
		Lesson   string   `json:"lesson"`
		Proved   int      `json:"proved"`
		Refuted  []string `json:"refuted"`
		NotShown []string `json:"notShown"`
	}{"summary", j.lesson, s.proved, refuted, notShown})
}

func parseEvent(line string) (event, bool) {
	var e event
	err := json.Unmarshal([]byte(line), &e)
	return e, err == nil && e.Type != ""
}
