package texts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"mydocker.example/shared/prose"
)

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	target = regexp.MustCompile(`^\[([^\]]+)\]: (\S+)$`)
	label  = regexp.MustCompile(`\[([0-9]\.[0-9]+|[0-9]{2} § [^\]]+)\]`)
	named  = regexp.MustCompile(`(?i)(?:proofs?|доказательств\p{L}*) ([0-9])\.([0-9]+)`)
	number = regexp.MustCompile(`^[0-9]\.[0-9]+$`)
)

// Links holds what a text points to: a link leads to a file, and to a heading in it if it
// names one; a label has its line at the end, and one that is a proof's number leads there;
// a proof that is named in passing is in the lesson of its number.
func Links(root, path string) error {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return err
	}
	var wrong []error
	used, defined := map[string]bool{}, map[string]bool{}
	var fence prose.Fence
	for i, line := range strings.Split(string(text), "\n") {
		hold := func(err error) {
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s, line %d: %w", path, i+1, err))
			}
		}
		if fence.Inside(line) {
			continue
		}
		if m := target.FindStringSubmatch(line); m != nil {
			defined[m[1]] = true
			hold(leads(root, path, m[2], m[1]))
			continue
		}
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			hold(leads(root, path, m[1], ""))
		}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			used[m[1]] = true
		}
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			hold(proofThere(root, path, m[1], m[2]))
		}
	}
	for name := range used {
		if !defined[name] {
			wrong = append(wrong, fmt.Errorf("%s: [%s] has no line that says where it leads", path, name))
		}
	}
	for name := range defined {
		if !used[name] {
			wrong = append(wrong, fmt.Errorf("%s: nothing uses [%s]", path, name))
		}
	}
	return errors.Join(wrong...)
}

// leads follows a link from a text. name is the label that stands for it, or "".
func leads(root, from, to, name string) error {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return nil
	}
	file, anchor, _ := strings.Cut(to, "#")
	if file == "" {
		file = filepath.Base(from)
	}
	file = filepath.Join(root, filepath.Dir(from), file)
	if _, err := os.Stat(file); err != nil || anchor == "" {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	near := ""
	for _, h := range headings(string(text)) {
		proof := numbered.FindString(h.words)
		isProof := strings.HasPrefix(proof, name+" ")
		if h.anchor == anchor && (!number.MatchString(name) || isProof) {
			return nil
		}
		if name != "" && isProof {
			near = "; proof " + name + " is #" + h.anchor
		}
	}
	return fmt.Errorf("%s has no heading #%s%s", file, anchor, near)
}

// A title is a heading, and what a link calls it.
type title struct{ words, anchor string }

// headings are a text's, with the anchors that GitHub gives them: small letters, without
// punctuation, hyphens for blanks, and a number behind the second of the same name.
func headings(text string) (titles []title) {
	seen := map[string]int{}
	var fence prose.Fence
	for _, line := range strings.Split(text, "\n") {
		if fence.Inside(line) {
			continue
		}
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[2])
		seen[anchor]++
		if n := seen[anchor]; n > 1 {
			anchor = fmt.Sprintf("%s-%d", anchor, n-1)
		}
		titles = append(titles, title{m[2], anchor})
	}
	return titles
}

// proofThere looks for a proof by its number, in the language of the text that names it.
func proofThere(root, from, lesson, proof string) error {
	name := "README.md"
	if strings.HasSuffix(from, ".ru.md") {
		name = "README.ru.md"
	}
	files, err := filepath.Glob(filepath.Join(root, "lessons", "0"+lesson+"-*", name))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, h := range headings(string(text)) {
			if strings.HasPrefix(numbered.FindString(h.words), lesson+"."+proof+" ") {
				return nil
			}
		}
	}
	return fmt.Errorf("there is no proof %s.%s", lesson, proof)
}
