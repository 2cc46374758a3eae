package proof

import (
	"context"
	"os"
	"time"
)

// An audience is whom the judge tells: people, or a program that reads JSON.
type audience interface {
	begin(title string)
	claim(c claim)
	event(c claim, e event)
	output(c claim, line string) // what the proof printed by itself
	verdict(c claim, v verdict)
	end(s summary)
}

// A verdict on a claim: proved, or the reasons why not, or why it could not be shown here.
type verdict struct {
	reasons []Fault
	skipped *skipped // this machine could not show it
	console string   // the end of the guest's console, when the guest failed
	took    time.Duration
}

func (v verdict) proved() bool   { return len(v.reasons) == 0 && v.skipped == nil }
func (v verdict) notShown() bool { return len(v.reasons) == 0 && v.skipped != nil }

type summary struct {
	proved   int
	refuted  []claim
	notShown []claim
}

// The judge runs claims and remembers the last verdict on each.
type judge struct {
	claims   []claim
	place    place
	show     audience
	words    *words
	verdicts map[string]verdict
}

func (j *judge) straightThrough(ctx context.Context) error {
	for _, c := range j.claims {
		j.show.claim(c)
		if err := j.prove(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// prove has one proof run and decides. The error is for what refutes nothing: the run was
// interrupted, or there is no lab to run it in.
func (j *judge) prove(ctx context.Context, c claim) error {
	seen := &Seen{words: j.words, facts: map[string]event{}, halves: map[string]*halfSeen{}}
	events := &lines{each: func(line string) {
		if e, ok := parseEvent(line); ok {
			seen.note(e)
			j.show.event(c, e)
		}
	}}
	text := &lines{each: func(line string) {
		seen.last = line
		j.show.output(c, line)
	}}
	if c.proof.Mydocker && os.Getenv(mydockerEnv) == "" {
		v := verdict{skipped: &noMydocker}
		j.verdicts[c.ID] = v
		j.show.verdict(c, v)
		return nil
	}
	begun := time.Now()
	result, err := j.place.run(ctx, c.proof, events, text)
	text.flush()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	seen.outcome = result
	v := verdict{reasons: seen.decide(c.proof), skipped: seen.skipped, took: time.Since(begun)}
	if !v.proved() && (result.died || result.timedOut) {
		v.console = result.console
	}
	j.verdicts[c.ID] = v
	j.show.verdict(c, v)
	return nil
}

func (j *judge) summary() summary {
	var s summary
	for _, c := range j.claims {
		v, judged := j.verdicts[c.ID]
		switch {
		case judged && v.proved():
			s.proved++
		case judged && v.notShown():
			s.notShown = append(s.notShown, c)
		case judged:
			s.refuted = append(s.refuted, c)
		}
	}
	return s
}
