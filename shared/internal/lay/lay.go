// Package lay lays markdown out for a terminal: without its marks, in lines of a given width.
// It is plumbing, taught by no lesson.
package lay

import (
	"regexp"
	"strings"

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

// Plain takes the marks of markdown off a piece of running text; code spans keep what they hold.
func Plain(text string) string {
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

// Markdown sets markdown for a terminal: paragraphs wrapped to width, items hanging, fences
// and tables as they stand. Diagrams are left out: a terminal cannot draw them.
func Markdown(md string, width int) []string {
	md = comment.ReplaceAllString(md, "")
	var out, para []string
	hang := ""
	end := func() { // of a paragraph
		if text := Plain(strings.Join(para, " ")); strings.TrimSpace(text) != "" {
			out = append(out, prose.Wrap(text, width, hang)...)
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
			out = append(out, prose.Wrap(Plain(head.ReplaceAllString(line, "")), width, "")...)
		case strings.HasPrefix(line, "|"):
			end()
			out = append(out, Plain(line))
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

// Hard is prose.Wrap for what a kernel prints: a line that fits keeps its spaces.
func Hard(text string, width int) []string {
	if prose.Columns(text) <= width {
		return []string{text}
	}
	return prose.Wrap(text, width, "")
}

// Cut shortens text to n columns, and shows that it did.
func Cut(text string, n int) string {
	if prose.Columns(text) <= n {
		return text
	}
	return strings.TrimRight(prose.FirstColumns(text, max(n-1, 0)), " ") + "…"
}

// Screen is Markdown for a screen that breaks no line by itself: no line is longer than width,
// and the cells of a table stand in a row without its frame.
func Screen(md string, width int) (lines []string) {
	for _, line := range Markdown(md, width) {
		switch {
		case separator.MatchString(line):
		case strings.HasPrefix(line, "|") && strings.HasSuffix(line, "|"):
			var cells []string
			for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			row := strings.TrimPrefix(strings.Join(cells, " · "), " · ")
			lines = append(lines, prose.Wrap(row, width, "    ")...)
		default:
			lines = append(lines, Hard(line, width)...)
		}
	}
	return lines
}

var separator = regexp.MustCompile(`^\|[-| :]+\|$`)
