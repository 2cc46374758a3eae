package proof

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

// How wide the lines of a hall are: the claim is read from the last row.
const (
	claimWidth = 56
	textWidth  = 72
	footHeight = 4 // an empty line, the next title in two, the keys
)

// onStage are people in a hall. They see one claim at a time: first it and its text, dim,
// then it and what the kernel answers. What was told is kept, so that the screen can be drawn
// again when the terminal has another size.
type onStage struct {
	*people
	screen *stage.Screen
	voice  *stage.Words
	claims []claim
	plan   stage.Plan
	place  *stage.Place // for the notes
	bare   bool         // a recording: no numbers of pages, which nobody can turn

	at    int // the claim on the screen
	ran   bool
	view  int // a page of the text; behind the last one, what the kernel answered
	count int // of the pages, at this size
	help  bool
	note  string // about the last key
	begun time.Time
	since time.Time // this claim is on the screen
	phase string
	last  verdict
	shown string // the clock, as it stands in the foot

	mu   sync.Mutex
	told []func() // what the kernel answered, in order
	lab  string   // the last that the lab had to say
}

// take puts a claim on the screen that has not run yet.
func (s *onStage) take(i int) {
	s.mu.Lock()
	s.told = nil
	s.mu.Unlock()
	s.at, s.ran, s.view, s.since, s.phase = i, false, 0, time.Now(), stage.Shown
}

func (s *onStage) present(i int) {
	s.take(i)
	s.say()
	s.draw()
}

// say tells the notes where the lesson is.
func (s *onStage) say() {
	state := stage.State{At: s.at, Phase: s.phase, Begun: s.begun, Since: s.since, Plan: s.plan}
	for _, c := range s.claims {
		state.IDs = append(state.IDs, c.ID)
	}
	if s.phase == stage.Done {
		state.Word, _ = s.people.word(s.last)
		state.Good = len(s.last.reasons) == 0
	}
	s.place.Say(state)
}

// draw draws the claim from nothing: its number, itself, and a page of its text or what the
// kernel answered.
func (s *onStage) draw() {
	s.screen.Measure()
	width := min(s.screen.Width-1, 100) // some terminals break after the last column
	s.people.mu.Lock()
	s.people.width = width
	s.people.mu.Unlock()
	c := s.claims[s.at]
	claim, pages := s.title(), s.pages()
	if answers := s.ran && s.view == s.count; answers { // whatever the number of pages is now
		s.view = len(pages)
	} else {
		s.view = max(min(s.view, len(pages)-1), 0)
	}
	s.count = len(pages)

	s.screen.Clear()
	where := fmt.Sprintf(s.voice.Of, s.at+1, len(s.claims))
	if len(pages) > 1 && s.view < len(pages) && !s.bare {
		where = fmt.Sprintf(s.voice.TextPage, s.view+1, len(pages)) + " · " + where
	}
	head := lay.Cut(c.Number+" "+c.ID, max(width-prose.Columns(where)-2, 8))
	room := max(width-prose.Columns(head)-prose.Columns(where), 1)
	s.print("", dim, []string{head + strings.Repeat(" ", room) + where, ""})
	s.print(margin, bold, claim)
	s.print("", "", []string{""})
	if s.view < len(pages) {
		s.print(margin, dim, pages[s.view])
		return
	}
	s.mu.Lock()
	told := s.told
	s.mu.Unlock()
	for _, tell := range told {
		tell()
	}
}

// title is the claim itself, in short lines.
func (s *onStage) title() []string {
	return prose.Wrap(lay.Plain(s.claims[s.at].Title), min(s.people.width-2*len(margin), claimWidth), "")
}

// pages divides the claim's text by what the screen holds beside the claim. A page ends where
// a paragraph does, if that leaves it more than half full.
func (s *onStage) pages() (pages [][]string) {
	width := min(s.people.width-2*len(margin), textWidth)
	lines := lay.Screen(s.claims[s.at].Body, width)
	rows := len(lines)
	if s.screen.Height > 0 {
		rows = max(s.screen.Height-2-len(s.title())-1-footHeight, 4)
	}
	for len(lines) > rows {
		end := rows
		for end > rows/2 && lines[end] != "" {
			end--
		}
		if end == rows/2 {
			end = rows
		}
		pages, lines = append(pages, lines[:end]), lines[end:]
		for len(lines) > 0 && lines[0] == "" {
			lines = lines[1:]
		}
	}
	if len(lines) > 0 {
		pages = append(pages, lines)
	}
	return pages
}

// turn shows the next page of the text; after the last one the kernel's answers, or the first.
func (s *onStage) turn() {
	n := s.count
	if s.ran {
		n++
	}
	s.view = (s.view + 1) % max(n, 1)
	s.draw()
}

// run clears the stage for the kernel. What it answers comes by way of event, output and
// verdict, until stop; below it a clock shows that something goes on.
func (s *onStage) run() (stop func()) {
	s.take(s.at)
	s.ran, s.phase = true, stage.RunsNow
	s.say()
	s.view = s.count
	if s.screen.Moves {
		s.draw()
	} else {
		s.print("", "", []string{""})
	}
	begun, over, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for s.screen.Moves && !s.bare {
			s.mu.Lock()
			lab := s.lab
			s.mu.Unlock()
			text := fmt.Sprintf(s.voice.Running, int(time.Since(begun).Seconds()))
			if lab != "" {
				text += " · " + lab
			}
			s.screen.Foot("", s.style(dim, text))
			select {
			case <-over:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return func() {
		close(over)
		<-ended
		s.screen.NoFoot()
		s.mu.Lock()
		s.lab = ""
		s.mu.Unlock()
		s.say()
	}
}

// Write takes what the lab says while it starts: it stands beside the clock.
func (s *onStage) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line := strings.TrimSpace(string(p)); line != "" {
		s.lab = prose.Printable(line)
	}
	return len(p), nil
}

// tell tells, and keeps what was told.
func (s *onStage) tell(what func()) {
	s.mu.Lock()
	s.told = append(s.told, what)
	s.mu.Unlock()
	what()
}

// The title of the lesson is on every screen of a lecture hall already.
func (s *onStage) begin(string) {}
func (s *onStage) claim(claim)  {}

func (s *onStage) event(c claim, e event) {
	s.tell(func() {
		if e.Type == typeHalf && e.Half == with {
			s.print("", "", []string{""})
		}
		s.people.event(c, e)
	})
}

func (s *onStage) output(c claim, line string) {
	s.tell(func() { s.people.output(c, line) })
}

// verdict repeats the claim when it has left the screen meanwhile.
func (s *onStage) verdict(c claim, v verdict) {
	s.last, s.phase = v, stage.Done
	s.tell(func() {
		s.print("", "", []string{""})
		s.people.verdict(c, v)
		if s.screen.Moves && s.screen.Scrolled(footHeight) {
			s.print(margin, bold, prose.Wrap(c.Number+" "+lay.Plain(c.Title), s.people.width-2*len(margin), ""))
		}
	})
}

// heard takes a key to heart: the clock begins with the first, and notes on keys are over.
func (s *onStage) heard(key string) {
	if s.begun.IsZero() && key != stage.Help && key != stage.Quit {
		s.begun = time.Now()
		s.since = s.begun
		s.say()
	}
	s.note = ""
	s.help = s.help && key == stage.Help
}

func (s *onStage) noSuch(name string) { s.note = fmt.Sprintf(s.voice.NoSuch, prose.Printable(name)) }

// foot says which claim is next, what the keys do and how late it is.
func (s *onStage) foot(typed string) {
	width := min(s.screen.Width, 100)
	lines := []string{""}
	if s.note != "" {
		lines = append(lines, margin+s.note)
	}
	if s.help {
		for _, line := range s.voice.Help() {
			lines = append(lines, margin+line)
		}
	}
	next := s.voice.Last
	if s.at+1 < len(s.claims) {
		next = s.voice.NextIs + s.claims[s.at+1].Number + " " + lay.Plain(s.claims[s.at+1].Title)
	}
	for _, line := range stage.Two(next, width-1) {
		lines = append(lines, s.style(dim, line))
	}
	hints := []string{s.voice.Run}
	switch {
	case s.ran && s.at+1 == len(s.claims):
		hints = []string{s.voice.End, s.voice.Again}
	case s.ran:
		hints = []string{s.voice.Then, s.voice.Again}
	}
	if typed != "" {
		hints = append([]string{"> " + typed}, hints...)
	}
	hints = append(hints, s.voice.Back, s.voice.Jump, s.voice.More, s.voice.Quit, s.voice.Keys)
	s.shown = s.clock()
	s.screen.Foot(append(lines, s.voice.Bar(width, hints, s.shown))...)
}

func (s *onStage) clock() string {
	i := s.at
	if s.ran {
		i++ // what the plan says about it has been said
	}
	return s.voice.Clock(s.plan, s.begun, time.Now(), i)
}

// tick draws the foot again when the clock has moved.
func (s *onStage) tick(typed string) {
	if s.screen.Moves && s.clock() != s.shown {
		s.foot(typed)
	}
}

// typing shows a number as it is typed.
func (s *onStage) typing(typed string) {
	if s.screen.Moves {
		s.foot(typed)
	} else {
		io.WriteString(s.people.out, "\r> "+typed+" \b")
	}
}

func newOnStage(screen *stage.Screen, set settings, w *words, claims []claim) *onStage {
	p := newPeople(screen, set, w)
	p.styled, p.answer = screen.Styled, bold
	return &onStage{people: p, screen: screen, voice: stage.In(set.lang), claims: claims, place: &stage.Place{}}
}
