// Package texts holds the two languages of a text against each other: the same headings in
// the same order, and fences that are equal to the byte.
package texts

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"mydocker.example/shared/prose"
)

// A part is a piece of a text that must stand in both languages.
type part struct {
	line int
	what string // as it must be equal; a heading's own words are not part of it
}

var (
	heading  = regexp.MustCompile(`^(#{1,6}) (.*)$`)
	numbered = regexp.MustCompile("[0-9]+\\.[0-9]+ `[a-z0-9-]+`")
	points   = regexp.MustCompile(`\(([0-9]+) [^)]*\):`)
	remark   = regexp.MustCompile(`^<!-- transcript: (\w+)`)
	speaker  = regexp.MustCompile(`^<!-- speaker: \S`)
	details  = regexp.MustCompile(`^</?details>`)
	picture  = regexp.MustCompile(`!\[[^\]]*\]\(([^)]*)\)`)
)

// skeleton is what a text has beside its words.
func skeleton(text string) (parts []part) {
	var fence prose.Fence
	for i, line := range strings.Split(text, "\n") {
		add := func(format string, args ...any) {
			parts = append(parts, part{i + 1, fmt.Sprintf(format, args...)})
		}
		if fence.Inside(line) {
			if mermaid(fence.Info) && !fence.Mark(line) {
				continue // a picture's words are in the reader's language
			}
			add("%q", line)
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			what := m[1] + " heading"
			if n := numbered.FindString(m[2]); n != "" {
				what += " " + n
			}
			if p := points.FindStringSubmatch(m[2]); p != nil {
				what += " for " + p[1]
			}
			add("%s", what)
		}
		if m := remark.FindStringSubmatch(line); m != nil {
			add("transcript %s", m[1])
		}
		if speaker.MatchString(line) {
			add("a hint for the speaker")
		}
		if m := details.FindString(line); m != "" {
			add("%s", m)
		}
		for _, m := range picture.FindAllStringSubmatch(line, -1) {
			add("picture %s", strings.Replace(m[1], ".ru.", ".", 1))
		}
	}
	return parts
}

func mermaid(info string) bool { return strings.HasPrefix(info, "mermaid") }

// Compare says where the Russian text has another skeleton than the English one.
func Compare(en, ru string) error {
	a, b := skeleton(en), skeleton(ru)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Errorf("line %d of the Russian has %s, which the English lacks", b[i].line, b[i].what)
		case i >= len(b):
			return fmt.Errorf("line %d of the English has %s, which the Russian lacks", a[i].line, a[i].what)
		case a[i].what != b[i].what:
			return fmt.Errorf("line %d of the English has %s, line %d of the Russian %s", a[i].line, a[i].what, b[i].line, b[i].what)
		}
	}
	return nil
}

// CompareFiles is Compare of a text and the Russian one beside it.
func CompareFiles(path string) error {
	en, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ru, err := os.ReadFile(strings.TrimSuffix(path, ".md") + ".ru.md")
	if err != nil {
		return err
	}
	if err := Compare(string(en), string(ru)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
