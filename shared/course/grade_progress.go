package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/course/internal/class"
	"mydocker.example/shared/course/internal/say"
)

// A progressBar shows a run over a group: on a terminal one line that is drawn again and
// again, elsewhere a line for each work that is done.
type progressBar struct {
	of    int
	begun time.Time
	stop  chan struct{} // nil where there is no terminal

	mu     sync.Mutex
	done   int
	fresh  int      // those of them that ran now: what is known already, or refused, takes no time
	atWork []string // the names, in the order in which they began
}

func newProgressBar(of int) *progressBar {
	b := &progressBar{of: of, begun: time.Now()}
	if say.Terminal() {
		b.stop = make(chan struct{})
		go func(stop chan struct{}) {
			for {
				select {
				case <-time.After(time.Second):
					b.draw()
				case <-stop:
					return
				}
			}
		}(b.stop)
	}
	return b
}

// close takes the line away; it may be called twice.
func (b *progressBar) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		close(b.stop)
		b.stop = nil
		fmt.Print("\r\x1b[K")
	}
}

func (b *progressBar) begin(name string) {
	b.mu.Lock()
	b.atWork = append(b.atWork, name)
	b.mu.Unlock()
	b.draw()
}

func (b *progressBar) end(r class.Record, known bool) {
	b.mu.Lock()
	b.done++
	if !known && r.Status != class.Refused {
		b.fresh++
	}
	b.atWork = slices.DeleteFunc(b.atWork, func(name string) bool { return name == r.Name })
	if b.stop == nil {
		fmt.Println(b.count() + "  " + lineAbout(r, known) + b.left())
	}
	b.mu.Unlock()
	b.draw()
}

func (b *progressBar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop == nil {
		return
	}
	fmt.Print("\r" + b.line(max(40, columns()-1)) + "\x1b[K")
}

const barWidth = 20

// line is the whole line, no wider than width.
func (b *progressBar) line(width int) string {
	full := barWidth * b.done / max(1, b.of)
	line := "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + b.count() + b.left()
	if len(b.atWork) > 0 {
		names := make([]string, len(b.atWork))
		for i, name := range b.atWork {
			names[i] = printable(name)
		}
		line += "  " + strings.Join(names, ", ")
	}
	if runes := []rune(line); len(runes) > width {
		line = string(runes[:width-1]) + "…"
	}
	return line
}

func (b *progressBar) count() string {
	return fmt.Sprintf("%*d/%d", len(strconv.Itoa(b.of)), b.done, b.of)
}

// left is how long the rest will take if it is like what was graded until now.
func (b *progressBar) left() string {
	if b.fresh == 0 || b.done == b.of {
		return ""
	}
	left := time.Since(b.begun) / time.Duration(b.fresh) * time.Duration(b.of-b.done)
	return fmt.Sprintf(say.T("  %v left", "  осталось %v"), left.Round(time.Second))
}

// lineAbout is a line about a work that is done.
func lineAbout(r class.Record, known bool) string {
	word := fmt.Sprintf("%3d/%-3d ", r.Points, r.Of)
	switch {
	case r.Status != class.Graded:
		word = say.Bad(fmt.Sprintf("%-8s", r.Status))
	case r.Points == r.Of:
		word = say.Good(word)
	}
	line := word + "  " + printable(r.Name)
	if why := firstLine(r.Why); why != "" {
		line += "  " + say.Dim(why)
	}
	if known {
		line += say.Dim(say.T("  (as before)", "  (как раньше)"))
	}
	return line
}

// summary is what an instructor wants to know of a group at a glance: how many, how well,
// where most have failed, and whose work wants looking at.
func summary(records []class.Record, tasks []string, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, say.T("%d submissions in %v", "работ: %d, за %v"), len(records), took.Round(time.Second))
	for _, status := range []string{class.Graded, class.Refused, class.Attacked, "broken"} {
		if n := len(namesOf(records, status)); n > 0 {
			fmt.Fprintf(&b, ", %s %d", status, n)
		}
	}
	b.WriteString("\n")
	graded := 0
	passed := map[string]int{}
	for _, r := range records {
		if r.Status != class.Graded {
			continue
		}
		graded++
		for _, t := range r.Report.Tasks {
			if t.Points == t.Of {
				passed[t.Task]++
			}
		}
	}
	for _, task := range tasks {
		full := barWidth * passed[task] / max(1, graded)
		fmt.Fprintf(&b, "  %-14s %s%s %s\n", task, say.Good(strings.Repeat("#", full)), say.Dim(strings.Repeat(".", barWidth-full)),
			fmt.Sprintf(say.T("passed by %d of %d", "сдали %d из %d"), passed[task], graded))
	}
	warned := false
	for _, r := range records {
		if r.Status != class.Graded || r.Why != "" {
			fmt.Fprintf(&b, "  %s\n", lineAbout(r, false))
		}
		if r.Report.Warning != "" && !warned {
			warned = true
			fmt.Fprintf(&b, "  %s\n", say.Bad(r.Report.Warning))
		}
	}
	return b.String()
}

func namesOf(records []class.Record, status string) (names []string) {
	for _, r := range records {
		if r.Status == status {
			names = append(names, r.Name)
		}
	}
	return names
}

// printable keeps a name, or what a compiler said, from talking to the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '�'
	}, text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return printable(line)
}
