// Package say is the tool's voice: English or Russian, with colour on a terminal.
package say

import (
	"os"

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

// colours is true on a terminal whose owner has nothing against it (no-color.org).
var colours = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""

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
