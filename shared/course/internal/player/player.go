// Package player plays a recording in a terminal: through, or proof by proof with the keys of
// the stage.
package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/internal/cast"
	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

// A Player is a recording on a screen.
type Player struct {
	Tape   cast.Recording
	Speed  float64
	Screen *stage.Screen
	Voice  *stage.Words
	Place  *stage.Place // for the notes

	steps []step
	keys  *stage.Keys
}

// A step is a proof on the tape: the events from begin on show its claim, those from claim on
// what was answered, up to end.
type step struct {
	number, id, title string
	word              string // the verdict
	begin, claim, end int
}

var opens = regexp.MustCompile(`^([0-9]+\.[0-9]+) ([a-z0-9-]+): (.*)$`)

// ErrUnmarked: the recording is not of a lesson.
var ErrUnmarked = errors.New("no proofs are marked")

// Find finds the steps by their markers: the claim's, and the verdict's behind it.
func (p *Player) Find() error {
	begin := 0
	for i, e := range p.Tape.Events {
		if e.Code != cast.Marker {
			continue
		}
		if m := opens.FindStringSubmatch(e.Data); m != nil && i+1 < len(p.Tape.Events) {
			p.steps = append(p.steps, step{number: m[1], id: m[2], title: m[3], begin: begin, claim: i + 1, end: i + 1})
		} else if n := len(p.steps); n > 0 && strings.HasPrefix(e.Data, p.steps[n-1].number+" ") {
			p.steps[n-1].word = strings.TrimPrefix(e.Data, p.steps[n-1].number+" ")
			p.steps[n-1].end, begin = i+1, i+1
		}
	}
	if len(p.steps) == 0 {
		return ErrUnmarked
	}
	return nil
}

// Lesson is the number of the lesson that was recorded.
func (p *Player) Lesson() int {
	number, _, _ := strings.Cut(p.steps[0].number, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return n
}

// show writes events at once.
func (p *Player) show(from, to int) {
	for _, e := range p.Tape.Events[from:to] {
		if e.Code == cast.Output {
			io.WriteString(p.Screen, e.Data)
		}
	}
}

// play writes events as they came. A key that is not a pause ends it, and is returned: Next is
// for the end of the piece at once.
func (p *Player) play(ctx context.Context, from, to int) (key string, err error) {
	for i := from; i < to; i++ {
		for wait := time.Duration(float64(p.Tape.Gap(i)) / p.Speed); wait > 0; {
			begun := time.Now()
			key, err := p.await(ctx, wait)
			if err != nil {
				return "", err
			}
			wait -= time.Since(begun)
			if key == stage.Space {
				if key, err = p.pause(ctx); err != nil {
					return "", err
				}
				p.Screen.NoFoot()
			}
			switch key {
			case stage.Tick, stage.Typing, stage.Help, stage.Text, stage.Resized, stage.Space:
			case stage.Next:
				p.show(i, to)
				return key, nil
			default:
				return key, nil
			}
		}
		p.show(i, i+1)
	}
	return "", nil
}

// await is a wait that a key may end.
func (p *Player) await(ctx context.Context, d time.Duration) (string, error) {
	if p.keys != nil && p.keys.Single() {
		return p.keys.Next(ctx, d)
	}
	select {
	case <-time.After(d):
		return stage.Tick, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// pause waits for a key other than those that only look.
func (p *Player) pause(ctx context.Context) (string, error) {
	for {
		p.Screen.Foot("", p.dim(p.Voice.Bar(p.width(), []string{p.Voice.Paused, p.Voice.GoOn}, "")))
		key, err := p.keys.Next(ctx, 0)
		if err != nil || key != stage.Resized && key != stage.Typing && key != stage.Help && key != stage.Text {
			return key, err
		}
	}
}

func (p *Player) width() int             { return min(p.Screen.Width, 100) }
func (p *Player) dim(text string) string { return p.Screen.Style("2", text) }

// listen takes keys from a terminal; nil is nobody's.
func (p *Player) listen(in *os.File) (restore func(), err error) {
	if in == nil {
		return func() {}, nil
	}
	p.keys, restore, err = stage.Listen(in)
	return restore, err
}

// Play plays the tape through. Space pauses, Enter cuts a wait short, q ends it.
func (p *Player) Play(ctx context.Context, in *os.File) error {
	restore, err := p.listen(in)
	if err != nil {
		return err
	}
	defer restore()
	defer p.rest()
	if small := p.small(); small != "" {
		fmt.Fprintln(p.Screen, small)
		if _, err := p.await(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	for i := range p.Tape.Events {
		key, err := p.play(ctx, i, i+1)
		switch {
		case err != nil || key == stage.Quit:
			return err
		case key != "" && key != stage.Next: // of no use here
			p.show(i, i+1)
		}
	}
	return nil
}

// rest leaves the terminal as a program should: no colour that was not ended, the cursor seen.
func (p *Player) rest() {
	p.Screen.NoFoot()
	if p.Screen.Moves {
		io.WriteString(p.Screen, "\x1b[0m\x1b[?25h")
	}
}

// small says that the recording needs a larger terminal than this one.
func (p *Player) small() string {
	p.Screen.Measure()
	w, h := p.Screen.Width, p.Screen.Height
	if h == 0 || w >= p.Tape.Width && h >= p.Tape.Height {
		return ""
	}
	return fmt.Sprintf(p.Voice.Small, p.Tape.Width, p.Tape.Height, w, h)
}

// Step plays one proof at a time, with the keys of the stage. Find comes before.
func (p *Player) Step(ctx context.Context, in *os.File) error {
	restore, err := p.listen(in)
	if err != nil {
		return err
	}
	defer restore()
	defer p.rest()

	at, played, help, note, begun := 0, false, false, "", time.Time{}
	say := func(phase string) {
		state := stage.State{At: at, Phase: phase, Begun: begun, Since: time.Now(), Word: p.steps[at].word, Good: true}
		for _, s := range p.steps {
			state.IDs = append(state.IDs, s.id)
		}
		p.Place.Say(state)
	}
	present := func(i int) {
		at, played = i, false
		say(stage.Shown)
		p.Screen.Clear()
		p.show(p.steps[at].begin, p.steps[at].claim)
	}
	present(0)
	for key := ""; ; {
		if key == "" {
			p.foot(at, played, help, note)
			if key, err = p.keys.Next(ctx, 0); err != nil {
				return err
			}
		}
		now := key
		key = ""
		if now != stage.Typing && now != stage.Resized {
			help, note = !help && now == stage.Help, ""
			if begun.IsZero() && now != stage.Help {
				begun = time.Now()
				say(stage.Shown)
			}
		}
		switch now {
		case stage.Next, stage.Space, stage.Repeat:
			if played && now != stage.Repeat {
				if at+1 == len(p.steps) {
					return nil
				}
				present(at + 1)
				break
			}
			if played {
				present(at)
			}
			played = true
			say(stage.RunsNow)
			// The first event ends the time to read, which was the lecturer's.
			p.show(p.steps[at].claim, p.steps[at].claim+1)
			if key, err = p.play(ctx, p.steps[at].claim+1, p.steps[at].end); err != nil {
				return err
			}
			if key == stage.Next { // it asked for the end of the piece, and that is on the screen
				key = ""
			}
			say(stage.Done)
			if key == "" {
				p.keys.Forget()
			}
		case stage.Back:
			present(max(at-1, 0))
		case stage.Quit:
			return nil
		case stage.Typing, stage.Help, stage.Text:
		case stage.Resized:
			p.Screen.Measure()
			was := played
			present(at)
			if played = was; played {
				p.show(p.steps[at].claim, p.steps[at].end)
			}
		default:
			if i, ok := p.lookUp(now); ok {
				present(i)
			} else {
				note = fmt.Sprintf(p.Voice.NoSuch, prose.Printable(now))
			}
		}
	}
}

// lookUp finds a step by its id, its number (3.5) or its place (5), as the stage does.
func (p *Player) lookUp(name string) (int, bool) {
	for i, s := range p.steps {
		if s.id == name || s.number == name {
			return i, true
		}
	}
	n, err := strconv.Atoi(name)
	return n - 1, err == nil && n >= 1 && n <= len(p.steps)
}

// foot says that this is a recording, what is next, and what the keys do.
func (p *Player) foot(at int, played, help bool, note string) {
	lines := []string{""}
	if note != "" {
		lines = append(lines, "  "+note)
	}
	if small := p.small(); small != "" {
		for _, line := range prose.Wrap(small, p.width()-1, "") {
			lines = append(lines, p.dim(line))
		}
	}
	if help {
		for _, line := range p.Voice.HelpOfPlayer() {
			lines = append(lines, "  "+line)
		}
	}
	next := p.Voice.Last
	if at+1 < len(p.steps) {
		next = p.Voice.NextIs + p.steps[at+1].number + " " + lay.Plain(p.steps[at+1].title)
	}
	for _, line := range stage.Two(next, p.width()-1) {
		lines = append(lines, p.dim(line))
	}
	hints := []string{p.Voice.Play}
	switch {
	case played && at+1 == len(p.steps):
		hints = []string{p.Voice.End, p.Voice.Again}
	case played:
		hints = []string{p.Voice.Then, p.Voice.Again}
	}
	if p.keys.Typed != "" {
		hints = append([]string{"> " + p.keys.Typed}, hints...)
	}
	hints = append(hints, p.Voice.Back, p.Voice.Jump, p.Voice.Quit, p.Voice.Keys)
	when := ""
	if p.Tape.Timestamp > 0 {
		when = fmt.Sprintf(p.Voice.Playing, time.Unix(p.Tape.Timestamp, 0).Format("2006-01-02"))
	}
	p.Screen.Foot(append(lines, p.Voice.Bar(p.width(), hints, when))...)
}
