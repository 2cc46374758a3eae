// Package prose reads the numbered headings of the course's texts: the proofs of a
// README, the tasks of a HOMEWORK. The texts are the only source of titles, numbers,
// prose, points and hints, in each language.
//
// It is plumbing, taught by no lesson and free for all.
package prose

// A Section is a numbered heading and the text below it.
type Section struct {
	Kind   string // "proof" or "task"
	Number string // "1.3"
	ID     string // "orphan"
	Title  string
	Body   string   // markdown below the heading, without the hints
	Points int      // of a task
	Hints  []string // of a task, in order
}

// Parse finds the numbered sections of a text, in order.
func Parse(md []byte) ([]Section, error) { panic("not written yet") }

// Lang is the reader's language: "ru" or "en".
func Lang() string { return "en" }

// File is the name of a text in a language: README.md is README.ru.md in "ru".
func File(base, lang string) string { return base }
