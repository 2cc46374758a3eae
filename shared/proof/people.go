package proof

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"mydocker.example/shared/explain"
	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/prose"
)

// people are told in prose, with what the kernel answered as it arrives.
type people struct {
	mu       sync.Mutex
	out      io.Writer
	width    int
	styled   bool
	terminal bool
	answer   string // how an answer stands out from its question
	lang     string
	words    *words
}

func newPeople(out io.Writer, s settings, w *words) *people {
	return &people{out: out, width: s.width, styled: s.styled, terminal: s.terminal, lang: s.lang, words: w}
}

// Styles are SGR parameters (console_codes(4)).
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	green  = "1;32"
	yellow = "1;33"
)

// margin is how far all but titles stand in.
const margin = "  "

func (p *people) style(sgr, text string) string {
	if !p.styled || sgr == "" || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// print writes lines behind the margin, each styled by itself.
func (p *people) print(indent, sgr string, text []string) {
	var b strings.Builder
	for _, line := range text {
		if line != "" {
			line = indent + p.style(sgr, line)
		}
		b.WriteString(line + "\n")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	io.WriteString(p.out, b.String())
}

// say prints a text that is wrapped to what the margin leaves.
func (p *people) say(indent, sgr, text string) {
	p.print(indent, sgr, prose.Wrap(prose.Printable(text), p.width-len(indent), ""))
}

func (p *people) begin(title string) {
	p.say("", bold, lay.Plain(title))
}

func (p *people) claim(c claim) {
	p.print("", "", []string{""})
	p.say("", bold, c.Number+" "+c.ID+": "+lay.Plain(c.Title))
	p.print("", "", []string{""})
	p.print(margin, dim, lay.Markdown(c.Body, p.width-len(margin)))
	p.print("", "", []string{""})
}

func (p *people) event(_ claim, e event) {
	indent := margin
	if e.Half != "" {
		indent += margin
	}
	switch e.Type {
	case typeFact:
		p.fact(indent, "", e.Question, e.Answer)
	case typeNote:
		text := e.En
		if p.lang == "ru" {
			text = e.Ru
		}
		p.say(indent, dim, text)
	case typeHalf:
		p.say(margin, bold, p.words.half(e.Half))
	case typeGot:
		answer := p.words.succeeded
		if e.Fault != nil {
			answer = e.Fault.String()
		}
		p.fact(indent, bold, p.words.attack, answer)
	case typeBroken:
		p.fact(indent, red, p.words.attack, e.Fault.String())
	case typeLeft:
		p.say(margin, dim, p.words.left+": "+strings.Join(e.Left, ", "))
	}
}

// fact prints `question → answer` on one line where it fits, else the answer below.
func (p *people) fact(indent, sgr, question, answer string) {
	question, answer = prose.Printable(question), prose.Printable(answer)
	if answer == "" {
		answer = "(empty)"
		if p.lang == "ru" {
			answer = "(пусто)"
		}
	}
	strong := p.answer
	if sgr != "" {
		strong = sgr
	}
	if !strings.Contains(question+answer, "\n") && prose.Columns(indent+question+" → "+answer) <= p.width {
		p.print(indent, "", []string{p.style(sgr, question+" → ") + p.style(strong, answer)})
		return
	}
	var text []string
	for i, part := range strings.Split(question, "\n") {
		if i > 0 {
			part = margin + part
		}
		for _, wrapped := range prose.Wrap(part, p.width-len(indent), margin) {
			text = append(text, p.style(sgr, wrapped))
		}
	}
	mark := "→ "
	for _, part := range strings.Split(answer, "\n") {
		for _, wrapped := range lay.Hard(part, p.width-len(indent)-4) {
			text = append(text, margin+mark+p.style(strong, wrapped))
			mark = "  "
		}
	}
	p.print(indent, "", text)
}

func (p *people) output(_ claim, line string) {
	p.print(margin+"| ", dim, lay.Hard(prose.Printable(line), p.width-len(margin)-2))
}

// word is a verdict in one word, and its colour.
func (p *people) word(v verdict) (word, sgr string) {
	switch {
	case v.proved():
		return p.words.proved, green
	case v.notShown():
		return p.words.notShown, yellow
	}
	return p.words.refuted, red
}

func (p *people) verdict(_ claim, v verdict) {
	word, sgr := p.word(v)
	p.print(margin, sgr, []string{word})
	if v.proved() {
		return
	}
	if v.notShown() {
		why := v.skipped.En
		if p.lang == "ru" {
			why = v.skipped.Ru
		}
		p.print(margin, "", prose.Wrap("- "+why, p.width-len(margin), "  "))
		return
	}
	for _, reason := range v.reasons {
		p.print(margin, "", prose.Wrap("- "+prose.Printable(reason.String()), p.width-len(margin), "  "))
		for _, cause := range explain.Text(reason.Text, reason.Errno) {
			p.print(margin+"  ", dim, prose.Wrap(fmt.Sprintf(p.words.likely, cause.In(p.lang)), p.width-len(margin)-2, ""))
		}
	}
	if v.console != "" {
		p.say(margin, dim, p.words.console+":")
		for _, line := range strings.Split(v.console, "\n") {
			p.output(claim{}, line)
		}
	}
}

func (p *people) end(s summary) {
	text := fmt.Sprintf(p.words.summaryProved, s.proved)
	sgr := green
	if len(s.notShown) > 0 {
		text += ", " + fmt.Sprintf(p.words.summaryNotShown, len(s.notShown), names(s.notShown))
		sgr = yellow
	}
	if len(s.refuted) > 0 {
		text += ", " + fmt.Sprintf(p.words.summaryRefuted, len(s.refuted), names(s.refuted))
		sgr = red
	}
	p.print("", "", []string{""})
	p.say("", sgr, text)
}

func names(claims []claim) string {
	var names []string
	for _, c := range claims {
		names = append(names, c.Number+" "+c.ID)
	}
	return strings.Join(names, ", ")
}
