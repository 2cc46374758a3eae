package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/internal/lay"
	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

// notesStep is how often the notes look where the lesson is.
const notesStep = 300 * time.Millisecond

// notes are for the speaker's own terminal. They follow the lesson on the stage, whether it
// began before or begins later, and say what the README says about the claim that is there.
// Written to anything but a terminal they are a handout: all of them, one after another.
func notes(ctx context.Context, l Lesson, set settings, title string, all, chosen []claim) error {
	n := &speaker{lesson: l, lang: set.lang, claims: chosen, minutes: set.minutes, plan: schedule(l, set.lang, all, chosen, set.minutes),
		voice: stage.In(set.lang), words: speakersWords(set.lang), screen: stage.NewScreen(os.Stdout)}
	if !set.terminal {
		return n.handout(os.Stdout, title)
	}
	keys, restore, err := stage.Listen(os.Stdin)
	if err != nil {
		return err
	}
	defer restore()
	defer fmt.Println()
	for {
		n.look(set.place, all)
		n.draw(time.Now())
		key, err := keys.Next(ctx, notesStep)
		if err != nil {
			return err
		}
		switch key {
		case stage.Next, stage.Space, stage.Text:
			n.page++
		case stage.Back:
			n.page = max(n.page-1, 0)
		case stage.Resized:
			n.drawn = ""
		case stage.Quit:
			return nil
		}
	}
}

// A speaker is who reads the notes.
type speaker struct {
	lesson  Lesson
	lang    string
	claims  []claim // those on the stage; before it, those that ONLY names
	plan    stage.Plan
	minutes int // that were asked for
	voice   *stage.Words
	words   *noteWords
	screen  *stage.Screen

	state stage.State
	on    bool // somebody is on the stage
	was   bool // … or was
	page  int
	drawn string
}

// look finds out where the lesson is.
func (n *speaker) look(place string, all []claim) {
	state, err := stage.Look(place)
	if errors.Is(err, stage.ErrBetween) {
		return
	}
	if err != nil {
		n.on = false
		return
	}
	if !n.on || state.At != n.state.At || !slices.Equal(state.IDs, n.state.IDs) {
		n.page = 0
	}
	var claims []claim
	for _, id := range state.IDs {
		if i, ok := lookUp(all, id); ok {
			claims = append(claims, all[i])
		}
	}
	if len(claims) != len(state.IDs) {
		return // another edition of the lesson
	}
	if len(state.Plan.Shares) != len(claims) { // a recording is played, which has none
		state.Plan = schedule(n.lesson, n.lang, all, claims, n.minutes)
	}
	n.state, n.on, n.was, n.claims, n.plan = state, true, true, claims, state.Plan
}

// draw fills the screen: where we are, the claim, what is to be said, and at the foot what to
// type and how late it is. Only what has changed is sent.
func (n *speaker) draw(now time.Time) {
	n.screen.Measure()
	width, height := n.screen.Width, n.screen.Height
	if height == 0 {
		height = 24
	}
	i := 0
	if n.on {
		i = n.state.At
	}
	c := n.claims[i]
	wide := min(width-1, 100)

	head := []string{n.screen.Style(bold, lay.Cut(n.heading(i), wide))}
	for _, line := range prose.Wrap(lay.Plain(c.Title), wide, "") {
		head = append(head, n.screen.Style(bold, line))
	}
	head = append(head, "")
	foot := n.foot(i, wide, now)
	text := n.text(c, wide)

	rows := max(height-len(head)-len(foot), 3)
	pages := (len(text) + rows - 1) / rows
	n.page = min(n.page, max(pages-1, 0))
	part := text[min(n.page*rows, len(text)):min((n.page+1)*rows, len(text))]
	if pages > 1 {
		foot[0] = n.screen.Style(dim, fmt.Sprintf(n.voice.TextPage+n.words.turn, n.page+1, pages))
	}
	lines := append(head, part...)
	for len(lines) < height-len(foot) {
		lines = append(lines, "")
	}
	lines = append(lines, foot...)

	if drawn := strings.Join(lines, "\n"); drawn != n.drawn {
		n.screen.Clear()
		io.WriteString(n.screen, drawn)
		n.drawn = drawn
	}
}

func (n *speaker) which(i int) string {
	return fmt.Sprintf("%s %s  "+n.voice.Of, n.claims[i].Number, n.claims[i].ID, i+1, len(n.claims))
}

// heading is the claim's number and where the stage is with it.
func (n *speaker) heading(i int) string {
	text := n.which(i)
	switch {
	case !n.on && n.was:
		return n.words.over + "  " + text
	case !n.on:
		return fmt.Sprintf(n.words.wait, n.lesson.Number) + "  " + text
	case n.state.Phase == stage.RunsNow:
		return text + "  " + n.words.runs
	case n.state.Phase == stage.Done:
		return text + "  " + n.state.Word
	}
	return text
}

// text is what the README says: hints for the speaker first, then the mechanism and what to
// observe, then what to type in a shell, and what the text goes on with before the next claim.
func (n *speaker) text(c claim, width int) (lines []string) {
	for _, hint := range hints(c.Body + "\n" + c.After) {
		for i, line := range prose.Wrap(lay.Plain(hint), width-2, "") {
			mark := "  "
			if i == 0 {
				mark = "! "
			}
			lines = append(lines, n.screen.Style(yellow, mark+line))
		}
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, lay.Screen(c.Body, width)...)
	if typed := commands(c.After); len(typed) > 0 {
		lines = append(lines, "", n.screen.Style(dim, n.words.shell))
		for _, line := range typed {
			for _, part := range lay.Hard(line, width-2) {
				lines = append(lines, "  "+part)
			}
		}
	}
	if more := headings(c.After); len(more) > 0 {
		lines = append(lines, "")
		for _, line := range prose.Wrap(n.words.between+strings.Join(more, " · "), width, "  ") {
			lines = append(lines, n.screen.Style(dim, line))
		}
	}
	return lines
}

// foot is what to type now, the clock, and the next claim. Its first line is free.
func (n *speaker) foot(i, width int, now time.Time) []string {
	next := n.voice.Last
	if i+1 < len(n.claims) {
		next = n.voice.NextIs + n.claims[i+1].Number + " " + lay.Plain(n.claims[i+1].Title)
	}
	typed := n.voice.Run
	switch {
	case !n.on:
		typed = fmt.Sprintf(n.words.begin, n.lesson.Number)
	case n.state.Phase == stage.Done && i+1 == len(n.claims):
		typed = n.voice.End
	case n.state.Phase == stage.Done:
		typed = n.voice.Then
	case n.state.Phase == stage.RunsNow:
		typed = n.words.listen
	}
	clock, sgr := n.clock(i, now)
	lines := []string{"",
		n.words.typed + lay.Cut(typed, width-prose.Columns(n.words.typed)),
		n.screen.Style(sgr, lay.Cut(clock, width))}
	for _, line := range stage.Two(next, width) {
		lines = append(lines, n.screen.Style(dim, line))
	}
	return lines
}

// clock is how many minutes are left, for this claim and in all, and how late it is.
func (n *speaker) clock(i int, now time.Time) (text, sgr string) {
	total := n.plan.Total
	share := n.plan.Shares[i]
	if !n.on || n.state.Begun.IsZero() {
		return fmt.Sprintf(n.words.planned, minutes(total), minutes(share)), ""
	}
	gone := now.Sub(n.state.Begun)
	if total == 0 {
		return fmt.Sprintf(n.words.gone, stage.Minutes(gone)), ""
	}
	// Within a claim the plan is as far as the time spent on it, up to its share.
	due := n.plan.Before(i) + min(share, now.Sub(n.state.Since))
	if n.state.Phase == stage.Done {
		due = n.plan.Before(i + 1)
	}
	late := gone - due
	text = fmt.Sprintf(n.words.left, minutes(total-gone), minutes(total), minutes(n.plan.Before(i)+share-gone))
	switch {
	case late >= 2*time.Minute:
		return text + fmt.Sprintf(n.words.behind, minutes(late)), red
	case late <= -2*time.Minute:
		return text + fmt.Sprintf(n.words.ahead, minutes(-late)), green
	}
	return text + n.words.onTime, green
}

// minutes are the nearest whole ones.
func minutes(d time.Duration) int { return stage.Minutes(d.Round(time.Minute)) }

// handout writes all notes.
func (n *speaker) handout(out io.Writer, title string) error {
	const width = 80
	var b strings.Builder
	fmt.Fprintln(&b, lay.Plain(title))
	for i, c := range n.claims {
		fmt.Fprintf(&b, "\n%s  %s\n", n.which(i), fmt.Sprintf(n.words.share, minutes(n.plan.Before(i)), minutes(n.plan.Shares[i])))
		for _, line := range slices.Concat(prose.Wrap(lay.Plain(c.Title), width, ""), []string{""}, n.text(c, width)) {
			fmt.Fprintln(&b, line)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// hints are for the speaker alone. They stand in the README as a remark, which no reader sees:
//
//	<!-- speaker: draw both trees on the board before you run it -->
func hints(md string) (found []string) {
	for _, m := range hint.FindAllStringSubmatch(md, -1) {
		found = append(found, strings.Join(strings.Fields(m[1]), " "))
	}
	return found
}

var hint = regexp.MustCompile(`(?s)<!-- speaker: (.*?) -->`)

// commands are the lines that a reader types, of the practice before the next chapter.
func commands(md string) (typed []string) {
	md, _, _ = strings.Cut("\n"+md, "\n## ")
	var fence prose.Fence
	for _, line := range strings.Split(md, "\n") {
		if fence.Inside(line) && fence.Info == "console" && strings.HasPrefix(line, "$ ") {
			typed = append(typed, line)
		}
	}
	return typed
}

// headings are the parts of the text up to the next claim.
func headings(md string) (titles []string) {
	var fence prose.Fence
	for _, line := range strings.Split(md, "\n") {
		if title := strings.TrimLeft(line, "#"); !fence.Inside(line) && len(title) < len(line) && strings.HasPrefix(title, " ") {
			titles = append(titles, lay.Plain(strings.TrimSpace(title)))
		}
	}
	return titles
}
