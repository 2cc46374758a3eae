// Package say is the tool's voice: English or Russian, and on a terminal with colour and with
// lines that end where it does.
package say

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"

	"mydocker.example/shared/prose"
)

// T picks the text in the reader's language.
func T(en, ru string) string {
	if prose.Lang() == "ru" {
		return ru
	}
	return en
}

// colours is true on a terminal whose owner has nothing against it (no-color.org),
// and that is not a dumb one.
var colours = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"

func paint(code, s string) string {
	if !colours {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Good, Bad and Dim paint a word.
func Good(s string) string { return paint("32", s) }
func Bad(s string) string  { return paint("31", s) }
func Dim(s string) string  { return paint("2", s) }

// Terminal is true when a person reads the output.
func Terminal() bool { return term.IsTerminal(int(os.Stdout.Fd())) }

// width is what a line may have: that of the terminal, but no more than can be read; 0 where
// no person reads, and lines stay whole.
func width() int {
	w, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || w <= 0 {
		return 0
	}
	return min(w-1, 100) // some terminals break after the last column
}

// Hang puts a text behind its beginning, and what does not fit on the lines below it.
func Hang(first, text string) string { return hang(first, text, width()) }

func hang(first, text string, width int) string {
	indent := prose.Columns(escapes.ReplaceAllString(first, ""))
	return first + strings.Join(fold(text, indent, width), "\n"+strings.Repeat(" ", indent))
}

// Fold breaks a text into lines that leave room for an indent; a line that fits keeps its
// spaces. What would move the cursor is spelled out.
func Fold(text string, indent int) []string { return fold(text, indent, width()) }

func fold(text string, indent, width int) (lines []string) {
	for _, line := range strings.Split(prose.Printable(text), "\n") {
		if room := width - indent; room >= 20 && prose.Columns(line) > room {
			lines = append(lines, prose.Wrap(line, room, "")...)
		} else {
			lines = append(lines, line)
		}
	}
	return lines
}

// escapes are what paint has put around a word: they take no column.
var escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Meanwhile shows what is being done until done is called; where nobody looks, or the terminal
// cannot take a line back, it shows nothing.
func Meanwhile(text string) (done func()) {
	if !Terminal() || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	fmt.Print(Dim(text))
	return func() { fmt.Print("\r\x1b[K") }
}
