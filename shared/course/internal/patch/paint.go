package patch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"

	"mydocker.example/shared/course/internal/say"
)

// Colours that both a dark and a light screen show: the terminal's own red and green, and for
// the changed words the same turned around.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	cyan   = "\x1b[36m"
	turned = "\x1b[7m"
	back   = "\x1b[27m"
	plain  = "\x1b[0m"
)

const tab = "    " // eight columns would push a line off the projector

// Paint renders a diff for a terminal of that width. A file that is gone has nothing to be
// read but that it is gone.
func Paint(files []File, width int) string {
	var b strings.Builder
	for i, f := range files {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(f.title(width))
		if f.New == "" {
			continue
		}
		for i, h := range f.Hunks {
			if i > 0 || h.Where != "" {
				fmt.Fprintf(&b, "%s     ⋮ %s%s\n", cyan, clip(widen(h.Where), width-7), plain)
			}
			h.paint(&b)
		}
	}
	return b.String()
}

// title says which file it is and what became of it.
func (f File) title(width int) string {
	name := path.Base(f.New)
	what := fmt.Sprintf("%s+%d%s %s−%d%s", green, f.Added, plain, red, f.Removed, plain)
	switch {
	case f.Old == "":
		what = fmt.Sprintf(say.T("%snew, lines: %d%s", "%sновый, строк: %d%s"), green, f.Added, plain)
	case f.New == "":
		name = path.Base(f.Old)
		what = fmt.Sprintf(say.T("%sgone, with its lines: %d%s", "%sубран, строк было: %d%s"), red, f.Removed, plain)
	}
	rule := strings.Repeat("─", max(0, width-utf8.RuneCountInString(name)-30))
	return bold + "── " + name + plain + "  " + what + "  " + dim + rule + plain + "\n"
}

func (h Hunk) paint(b *strings.Builder) {
	number := h.Line
	for i := 0; i < len(h.Lines); {
		if l := h.Lines[i]; l.Sign == ' ' {
			fmt.Fprintf(b, "%s%4d%s   %s\n", dim, number, plain, widen(l.Text))
			number++
			i++
			continue
		}
		// A block of lines that went, and of lines that came in their place.
		var gone, came []string
		for ; i < len(h.Lines) && h.Lines[i].Sign == '-'; i++ {
			gone = append(gone, h.Lines[i].Text)
		}
		for ; i < len(h.Lines) && h.Lines[i].Sign == '+'; i++ {
			came = append(came, h.Lines[i].Text)
		}
		was, is := words(gone, came)
		for _, line := range was {
			fmt.Fprintf(b, "%s     - %s%s\n", red, widen(line), plain)
		}
		for _, line := range is {
			fmt.Fprintf(b, "%s%4d%s %s+ %s%s\n", dim, number, plain, green, widen(line), plain)
			number++
		}
	}
}

// word is what changes as one: a name, a number, space, or a sign.
var word = regexp.MustCompile(`[\pL\pN_]+|\n|[^\S\n]+|.`)

// alike is the share of two texts that must have stayed for their words to be worth marking.
// What was written anew is read as a whole.
const alike = 0.4

// words marks in the lines that went, and in those that came, the words that the others have
// not. As many lines as before are taken for the same lines, changed.
func words(gone, came []string) (was, is []string) {
	if len(gone) != len(came) {
		return compare(gone, came)
	}
	for i := range gone {
		old, fresh := compare(gone[i:i+1], came[i:i+1])
		was, is = append(was, old...), append(is, fresh...)
	}
	return was, is
}

func compare(gone, came []string) (was, is []string) {
	if len(gone) == 0 || len(came) == 0 {
		return gone, came
	}
	// Each word is a letter of an alphabet of our own: so an algorithm for text compares words.
	alphabet := map[string]rune{}
	var spelled []string
	spell := func(lines []string) (letters []rune) {
		for _, w := range word.FindAllString(strings.Join(lines, "\n"), -1) {
			letter, known := alphabet[w]
			if !known {
				letter = rune(0x10000 + len(spelled)) // beyond the surrogates
				alphabet[w] = letter
				spelled = append(spelled, w)
			}
			letters = append(letters, letter)
		}
		return letters
	}
	a, b := spell(gone), spell(came)
	d := diffmatchpatch.New()
	diffs := d.DiffCleanupSemantic(d.DiffMainRunes(a, b, false))
	same := 0
	var old, fresh strings.Builder
	for _, part := range diffs {
		var text strings.Builder
		for _, letter := range part.Text {
			text.WriteString(spelled[letter-0x10000])
		}
		switch part.Type {
		case diffmatchpatch.DiffEqual:
			same += size(text.String())
			old.WriteString(text.String())
			fresh.WriteString(text.String())
		case diffmatchpatch.DiffDelete:
			old.WriteString(mark(text.String()))
		case diffmatchpatch.DiffInsert:
			fresh.WriteString(mark(text.String()))
		}
	}
	longer := max(size(strings.Join(gone, "")), size(strings.Join(came, "")))
	if float64(same) < alike*float64(longer) {
		return gone, came
	}
	return strings.Split(old.String(), "\n"), strings.Split(fresh.String(), "\n")
}

// size is that of a text without its space.
func size(text string) int { return len(strings.Join(strings.Fields(text), "")) }

// mark turns the colours around, line by line, and leaves the indentation alone.
func mark(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if bare := strings.TrimLeft(line, " \t"); bare != "" {
			lines[i] = line[:len(line)-len(bare)] + turned + bare + back
		}
	}
	return strings.Join(lines, "\n")
}

func widen(text string) string { return strings.ReplaceAll(text, "\t", tab) }

func clip(text string, width int) string {
	if runes := []rune(text); len(runes) > width && width > 1 {
		return string(runes[:width-1]) + "…"
	}
	return text
}
