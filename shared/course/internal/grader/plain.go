package grader

import (
	"regexp"
	"strings"
)

var (
	trace  = regexp.MustCompile(`(?s)\n+goroutine \d+ .*`)
	quoted = regexp.MustCompile(`(\\n)+goroutine \d+ [^"]*`)
	source = regexp.MustCompile(`[\w.-]+\.go:\d+`)
)

// What is shown of a text that a mydocker may have written.
const (
	manyLines = 20
	manyBytes = 2000
)

// plain shortens a mydocker's panic to its words and the line of its source, and what has no
// end to its beginning.
func plain(text string) string {
	for _, pattern := range []*regexp.Regexp{trace, quoted} {
		text = pattern.ReplaceAllStringFunc(text, func(stack string) string {
			return " (" + source.FindString(stack) + ")"
		})
	}
	if len(text) > manyBytes {
		text = strings.ToValidUTF8(text[:manyBytes], "") + " …"
	}
	if lines := strings.SplitAfter(text, "\n"); len(lines) > manyLines {
		text = strings.Join(lines[:manyLines], "") + "…"
	}
	return text
}
