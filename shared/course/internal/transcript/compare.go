package transcript

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// volatile is what differs from run to run and says nothing: it is replaced by a word on
// both sides. Exit codes, sizes and other small numbers are not among it.
var volatile = []struct {
	what *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`\b([a-z_]+):\[\d+\]`), "$1:[INODE]"}, // links of namespaces, pipes, sockets
	{regexp.MustCompile(`\b402653\d{4}\b`), "INODE"},          // namespaces in lsns(8)
	{regexp.MustCompile(`\b(Inode: +)\d+`), "${1}INODE"},
	{regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`), "MAC"},
	{regexp.MustCompile(`\bfe80::[0-9a-f:]+`), "LINKLOCAL"},
	{regexp.MustCompile(`\b0x[0-9a-f]{6,}\b`), "ADDRESS"},
	{regexp.MustCompile(`\b[0-9a-f]{8,16}-[0-9a-f]{8,16}\b`), "ADDRESSES"}, // /proc/PID/maps
	{regexp.MustCompile(`\b\d+\.\d+\.\d+[\w.+~]*-[\w.+~-]*(amd64|arm64)\b`), "KERNEL"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), "DATE"},
	{regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2}\b( +\d{4}\b)?`), "DATE"},
	{regexp.MustCompile(`\b\d+:\d\d(:\d\d)?([.,]\d+)?\b`), "TIME"},
	{regexp.MustCompile(`\b\d+m\d+[.,]\d+s\b`), "DURATION"}, // time in bash
	{regexp.MustCompile(`^(\S*bash: line )\d+:`), "${1}N:"}, // where bash notices that a job was killed
	{regexp.MustCompile(`[ \t]+`), " "},                     // columns move with the width of what they hold
}

func plain(line string) string {
	for _, v := range volatile {
		line = v.what.ReplaceAllString(line, v.word)
	}
	return strings.TrimSpace(line)
}

// A pairing matches the PIDs of the text with those of the run: each has one counterpart.
type pairing struct {
	last          int // the last PID that the run gave out
	toRun, toText map[string]string
}

var number = regexp.MustCompile(`\d+`)

// same holds one line of the text against one of the run.
func (p *pairing) same(text, run string) bool {
	text, run = plain(text), plain(run)
	if number.ReplaceAllString(text, "0") != number.ReplaceAllString(run, "0") {
		return false
	}
	theirs := number.FindAllString(run, -1)
	for i, mine := range number.FindAllString(text, -1) {
		if !p.pid(theirs[i]) {
			if mine != theirs[i] {
				return false
			}
			continue
		}
		if len(mine) < 3 { // init, and the first processes of a PID namespace, are what they are
			return false
		}
		was, known := p.toRun[mine]
		back, taken := p.toText[theirs[i]]
		if known && was != theirs[i] || taken && back != mine {
			return false
		}
		p.toRun[mine], p.toText[theirs[i]] = theirs[i], mine
	}
	return true
}

// pid is true of a number that the kernel gave to a process during the run.
func (p *pairing) pid(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > firstPID && n <= p.last
}

// lines holds the lines of the text, in which … stands for any lines, against the run's.
func (p *pairing) lines(text, run []string) bool {
	if len(text) == 0 {
		return len(run) == 0
	}
	if strings.TrimSpace(text[0]) == "…" {
		for skip := 0; skip <= len(run); skip++ {
			if p.lines(text[1:], run[skip:]) {
				return true
			}
		}
		return false
	}
	return len(run) > 0 && p.same(text[0], run[0]) && p.lines(text[1:], run[1:])
}

// Compare says where the block and the run differ, as a person would want to see it.
func (b Block) Compare(run Run) (differences []string) {
	p := &pairing{last: run.lastPID, toRun: map[string]string{}, toText: map[string]string{}}
	for i, c := range b.Commands {
		if p.lines(split(strings.Join(c.Output, "\n")), run.Outputs[i]) {
			continue
		}
		differences = append(differences, fmt.Sprintf("%s %s\nthe text says:\n%s\nit printed:\n%s",
			c.Prompt, strings.Join(c.Input, "\n> "), indent(c.Output), indent(run.Outputs[i])))
	}
	return differences
}

func indent(lines []string) string {
	if len(lines) == 0 {
		return "    (nothing)"
	}
	return "    " + strings.Join(lines, "\n    ")
}
