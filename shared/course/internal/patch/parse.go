// Package patch makes a unified diff fit for a projector: each file under a line that says
// what became of it, line numbers, narrow tabs, and in a changed line the changed words.
package patch

import (
	"fmt"
	"strconv"
	"strings"
)

// A File is what a diff says of one.
type File struct {
	Old, New       string // "" where there is none
	Hunks          []Hunk
	Added, Removed int
}

// A Hunk is a place of change, with what stands around it.
type Hunk struct {
	Line  int    // its first, in the new file
	Where string // the function it lies in, as git has found it
	Lines []Line
}

// A Line has a sign: ' ', '-' or '+'.
type Line struct {
	Sign byte
	Text string
}

// Parse reads what git diff, or diff -u, has printed.
func Parse(text string) (files []File, err error) {
	var hunk *Hunk
	var old, fresh int // lines of the hunk that are still to come
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case old > 0 || fresh > 0:
			sign := byte(' ')
			if line != "" {
				sign, line = line[0], line[1:]
			}
			file := &files[len(files)-1]
			switch sign {
			case '-':
				old--
				file.Removed++
			case '+':
				fresh--
				file.Added++
			case ' ':
				old--
				fresh--
			case '\\': // No newline at end of file
				continue
			default:
				return nil, fmt.Errorf("%c%s: no line of a hunk", sign, line)
			}
			hunk.Lines = append(hunk.Lines, Line{sign, line})
		case strings.HasPrefix(line, "--- "):
			files = append(files, File{Old: name(line)})
		case strings.HasPrefix(line, "+++ ") && len(files) > 0:
			files[len(files)-1].New = name(line)
		case strings.HasPrefix(line, "@@ ") && len(files) > 0:
			file := &files[len(files)-1]
			file.Hunks = append(file.Hunks, Hunk{})
			hunk = &file.Hunks[len(file.Hunks)-1]
			ranges, where, _ := strings.Cut(strings.TrimPrefix(line, "@@ "), " @@")
			hunk.Where = strings.TrimSpace(where)
			a, b, _ := strings.Cut(ranges, " ")
			if _, old, err = span(strings.TrimPrefix(a, "-")); err == nil {
				hunk.Line, fresh, err = span(strings.TrimPrefix(b, "+"))
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", line, err)
			}
		}
	}
	return files, nil
}

// name is a file's, without the time that diff puts behind it. git says /dev/null for a file
// that is not there, diff a time long ago.
func name(line string) string {
	name, when, _ := strings.Cut(line[4:], "\t")
	if name == "/dev/null" || strings.HasPrefix(when, "1970-01-01 ") {
		return ""
	}
	return name
}

// span reads "12,5", or "12" for one line.
func span(text string) (first, count int, err error) {
	a, b, two := strings.Cut(text, ",")
	if first, err = strconv.Atoi(a); err != nil || !two {
		return first, 1, err
	}
	count, err = strconv.Atoi(b)
	return first, count, err
}
