package main

import (
	"context"
	"strings"
)

// person uses the course as people do: at a terminal, with keys, looking at what comes. A
// check is a method in a file of its own.
func (s *suite) person(context.Context) (checks []check) {
	for _, lang := range []string{"en", "ru"} {
		checks = append(checks, check{"help " + lang, func(ctx context.Context) error { return s.newcomer(ctx, lang) }})
	}
	return append(checks,
		check{"03-filesystem a lecturer", s.lecturer},
		check{"03-filesystem a recording", s.tape},
		check{"03-filesystem a student", s.student})
}

// brokenWords are the rows of a screen that the terminal, and not the program, has ended: they
// are full to the last column.
func brokenWords(screen string, width int) (rows []string) {
	for line := range strings.Lines(screen) {
		if line = strings.TrimRight(line, "\n"); len([]rune(line)) >= width {
			rows = append(rows, line)
		}
	}
	return rows
}
