package proof

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"mydocker.example/shared/prose"
)

var (
	comment = regexp.MustCompile(`(?s)<!--.*?-->`)
	tag     = regexp.MustCompile(`</?[a-zA-Z][^<>]*>`)
	image   = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)`)
	link    = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	strong  = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	emph    = regexp.MustCompile(`(^|[^\pL\pN*])[*]([^*\s](?:[^*]*[^*\s])?)[*]`)
	code    = regexp.MustCompile("`+[^`]+`+")
	item    = regexp.MustCompile(`^\s*([-*]|[0-9]+\.)\s+`)
	head    = regexp.MustCompile(`^#+\s+`)
)

// plain takes the marks of markdown off a piece of running text; code spans keep what they hold.
func plain(text string) string {
	var out strings.Builder
	rest := text
	for {
		at := code.FindStringIndex(rest)
		if at == nil {
			return out.String() + unmark(rest)
		}
		out.WriteString(unmark(rest[:at[0]]))
		out.WriteString(strings.Trim(rest[at[0]:at[1]], "`"))
		rest = rest[at[1]:]
	}
}

func unmark(text string) string {
	text = image.ReplaceAllString(text, "")
	text = link.ReplaceAllString(text, "$1")
	text = tag.ReplaceAllString(strings.ReplaceAll(text, "<br>", " "), "")
	text = strong.ReplaceAllString(text, "$1")
	return emph.ReplaceAllString(text, "$1$2")
}

// terminal sets markdown for a terminal: paragraphs wrapped to width, items hanging, fences
// and tables as they stand. Diagrams are left out: a terminal cannot draw them.
func terminal(md string, width int) []string {
	md = comment.ReplaceAllString(md, "")
	var out, para []string
	hang := ""
	end := func() { // of a paragraph
		if text := plain(strings.Join(para, " ")); strings.TrimSpace(text) != "" {
			out = append(out, wrap(text, width, hang)...)
		}
		para, hang = nil, ""
	}
	var fence prose.Fence
	for _, line := range strings.Split(md, "\n") {
		line = strings.TrimRight(line, " \t\r")
		fenced := fence.Inside(line)
		switch {
		case fenced && fence.Mark(line), fenced && fence.Info == "mermaid":
			end()
		case fenced:
			out = append(out, "  "+line)
		case line == "":
			end()
			out = append(out, "")
		case head.MatchString(line):
			end()
			out = append(out, wrap(plain(head.ReplaceAllString(line, "")), width, "")...)
		case strings.HasPrefix(line, "|"):
			end()
			out = append(out, plain(line))
		case item.MatchString(line):
			end()
			para = []string{strings.TrimSpace(line)}
			hang = strings.Repeat(" ", len(strings.TrimLeft(item.FindString(line), " ")))
		default:
			para = append(para, strings.TrimPrefix(strings.TrimSpace(line), "> "))
		}
	}
	end()
	return squeeze(out)
}

// squeeze leaves one empty line where there are several, and none at the ends.
func squeeze(in []string) []string {
	var out []string
	for _, line := range in {
		if line == "" && (len(out) == 0 || out[len(out)-1] == "") {
			continue
		}
		out = append(out, line)
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// wrap breaks text into lines of at most width columns; all but the first begin with hang.
// A word that is longer than a line is broken.
func wrap(text string, width int, hang string) []string {
	width = max(width, 20)
	var out []string
	line, begin := "", ""
	for _, word := range strings.Fields(text) {
		if line != begin && columns(line)+1+columns(word) > width {
			out = append(out, line)
			begin = hang
			line = begin
		}
		for columns(line)+columns(word) > width && line == begin {
			n := width - columns(line)
			out = append(out, line+firstColumns(word, n))
			word = word[len(firstColumns(word, n)):]
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

// columns is how wide text stands on a terminal: a rune is a column, an accent is none.
func columns(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// firstColumns is the part of text that fills n columns.
func firstColumns(text string, n int) string {
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

// printable spells out what would move a terminal's cursor: a process can name itself, and
// its arguments, as it likes. /proc parts such lists by NUL, which is shown as a space.
func printable(text string) string {
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
