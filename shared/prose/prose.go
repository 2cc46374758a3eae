// Package prose reads the numbered headings of the course's texts: the proofs of a
// README, the tasks of a HOMEWORK. The texts are the only source of titles, numbers,
// prose, points and hints, in each language.
//
// It is plumbing, taught by no lesson and free for all. The headings, in both languages:
//
//	### Proof 1.3 `orphan`: An orphan is adopted
//	### Доказательство 1.3 `orphan`: Сироту усыновляют
//	### Task 1.2 `store` (30 points): Remember the containers
//	### Задание 1.2 `store` (30 баллов): Запомнить контейнеры
package prose

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Section is a numbered heading and the text below it.
type Section struct {
	Kind   string // "proof" or "task"
	Number string // "1.3"
	ID     string // "orphan"
	Title  string
	Body   string   // markdown below the heading, without the hints
	After  string   // what the text goes on with, up to the next numbered heading
	Points int      // of a task
	Hints  []string // of a task, in order
}

var (
	heading  = regexp.MustCompile(`^#{1,6}\s`)
	opens    = regexp.MustCompile(`^### (Proof|Доказательство|Task|Задание) \d`)
	numbered = regexp.MustCompile("^### (Proof|Доказательство|Task|Задание) ([0-9]+\\.[0-9]+) `([a-z0-9-]+)`" +
		`(?: \(([0-9]+) (?:points?|балл|балла|баллов)\))?: (\S.*)$`)
	kinds = map[string]string{"Proof": "proof", "Доказательство": "proof", "Task": "task", "Задание": "task"}
)

// Parse finds the numbered sections of a text, in order. A section ends at the next
// heading of its level or above. What stands in a fence is never a heading.
func Parse(md []byte) ([]Section, error) {
	var sections []Section
	var body []string // of the section, or what comes after it
	inside := false   // between a numbered heading and the end of its section
	finish := func() error {
		if len(sections) == 0 {
			return nil
		}
		s := &sections[len(sections)-1]
		if !inside {
			s.After = strings.TrimSpace(strings.Join(body, "\n"))
			return nil
		}
		inside = false
		rest, hints, err := cutHints(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", s.Kind, s.Number, err)
		}
		s.Body, s.Hints = rest, hints
		return nil
	}

	var fence Fence
	for i, line := range strings.Split(strings.ReplaceAll(string(md), "\r\n", "\n"), "\n") {
		ends := !fence.Inside(line) && heading.MatchString(line) && strings.IndexByte(line, ' ') <= 3
		if ends && (inside || opens.MatchString(line)) {
			if err := finish(); err != nil {
				return nil, err
			}
			body = nil
		}
		if ends && opens.MatchString(line) {
			s, err := parseHeading(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			sections, inside = append(sections, s), true
			continue
		}
		body = append(body, line)
	}
	if err := finish(); err != nil {
		return nil, err
	}
	return sections, unique(sections)
}

func parseHeading(line string) (Section, error) {
	m := numbered.FindStringSubmatch(line)
	if m == nil {
		return Section{}, fmt.Errorf("not a numbered heading, which would be \"### Proof 1.3 `id`: title\" or \"### Task 1.2 `id` (30 points): title\": %s", line)
	}
	s := Section{Kind: kinds[m[1]], Number: m[2], ID: m[3], Title: strings.TrimSpace(m[5])}
	if (s.Kind == "task") != (m[4] != "") {
		return Section{}, fmt.Errorf("a task has points and a proof has none: %s", line)
	}
	if m[4] != "" {
		points, err := strconv.Atoi(m[4])
		if err != nil {
			return Section{}, fmt.Errorf("points: %w", err)
		}
		s.Points = points
	}
	return s, nil
}

// unique requires that no two sections of a kind share a number or an id.
func unique(sections []Section) error {
	seen := map[string]bool{}
	for _, s := range sections {
		for _, name := range []string{s.Number, s.ID} {
			if key := s.Kind + " " + name; seen[key] {
				return fmt.Errorf("%s is there twice", key)
			} else {
				seen[key] = true
			}
		}
	}
	return nil
}
