package prose

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Wrap breaks text into lines of at most width columns; all but the first begin with hang.
// A word that is longer than a line is broken.
func Wrap(text string, width int, hang string) []string {
	width = max(width, 20)
	var out []string
	line, begin := "", ""
	for _, word := range strings.Fields(text) {
		if line != begin && Columns(line)+1+Columns(word) > width {
			out = append(out, line)
			begin = hang
			line = begin
		}
		for Columns(line)+Columns(word) > width && line == begin {
			n := width - Columns(line)
			out = append(out, line+FirstColumns(word, n))
			word = word[len(FirstColumns(word, n)):]
			begin = hang
			line = begin
		}
		if line != begin {
			line += " "
		}
		line += word
	}
	if line != begin || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// Columns is how wide text stands on a terminal: a rune is a column, an accent is none.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// FirstColumns is the part of text that fills n columns.
func FirstColumns(text string, n int) string {
	for i, r := range text {
		if !unicode.Is(unicode.Mn, r) {
			if n == 0 {
				return text[:i]
			}
			n--
		}
	}
	return text
}

// Printable spells out what would move a terminal's cursor: a process can name itself, and
// its arguments, as it likes. /proc parts such lists by NUL, which is shown as a space.
func Printable(text string) string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\x00\n"), "\x00", " ")
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == '\n':
			out.WriteRune(r)
		case r == '\t':
			out.WriteString("  ")
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case unicode.IsControl(r):
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
