package proof

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Seen is what the judge has: the facts that came out of the guest. Its checks only
// record; one that does not hold refutes the claim.
type Seen struct {
	words   *words
	facts   map[string]event
	halves  map[string]*halfSeen
	ended   bool // the proof reached its end
	outcome outcome
	last    string // line of its output
	reasons []Fault
	skipped *skipped
}

// skipped is why a claim could be neither proved nor refuted.
type skipped struct {
	En string `json:"en"`
	Ru string `json:"ru"`
}

// halfSeen is the outcome of one half of an attack.
type halfSeen struct {
	ran    bool // else it could not be set up
	result *Fault
}

// note takes in one event.
func (s *Seen) note(e event) {
	switch e.Type {
	case typeFact:
		if e.Key != "" {
			s.facts[e.Key] = e
		}
	case typeGot, typeBroken:
		s.halves[e.Half] = &halfSeen{ran: e.Type == typeGot, result: e.Fault}
	case typeEnd:
		s.ended = true
		if e.Fault != nil {
			s.reasons = append(s.reasons, *e.Fault)
		}
	}
}

// Get is the answer under key; a key that was never reported refutes the claim.
func (s *Seen) Get(key string) string {
	fact, ok := s.facts[key]
	if !ok {
		s.refute(s.words.noFact, key)
	}
	return fact.Answer
}

// Int is Get as a number; an answer that is none refutes the claim.
func (s *Seen) Int(key string) int64 {
	answer := s.Get(key)
	n, err := strconv.ParseInt(strings.TrimSpace(answer), 10, 64)
	if err != nil && s.Has(key) {
		s.refute(s.words.noNumber, s.facts[key].Question, answer)
	}
	return n
}

// Has says whether key was reported.
func (s *Seen) Has(key string) bool { _, ok := s.facts[key]; return ok }

// Died says whether the guest died during the proof.
func (s *Seen) Died() bool { return s.outcome.died }

// TimedOut says whether the proof was ended because its time was over: with MayDie a guest
// that answers no more is an observation too.
func (s *Seen) TimedOut() bool { return s.outcome.timedOut }

// Console is the end of the guest's console, when the guest died or hung.
func (s *Seen) Console() string { return s.outcome.console }

// Equal requires the answer under key to be want.
func (s *Seen) Equal(key, want string) {
	if got := s.Get(key); s.Has(key) && got != want {
		s.refute(s.words.notEqual, s.facts[key].Question, got, want)
	}
}

// Same requires the answers under a and b to be the same.
func (s *Seen) Same(a, b string) {
	if x, y := s.Get(a), s.Get(b); s.Has(a) && s.Has(b) && x != y {
		s.refute(s.words.notSame, s.facts[a].Question, x, s.facts[b].Question, y)
	}
}

// Differ requires the answers under a and b to differ.
func (s *Seen) Differ(a, b string) {
	if x, y := s.Get(a), s.Get(b); s.Has(a) && s.Has(b) && x == y {
		s.refute(s.words.notDiffer, s.facts[a].Question, s.facts[b].Question, x)
	}
}

// Check requires ok; the text says what was found instead.
func (s *Seen) Check(ok bool, format string, args ...any) {
	if !ok {
		s.refute(format, args...)
	}
}

// Skip says that this machine cannot show the claim, and why. The verdict is then neither
// PROVED nor REFUTED: it fails nothing, and the summary names it. Return after it.
func (s *Seen) Skip(en, ru string) { s.skipped = &skipped{en, ru} }

func (s *Seen) refute(format string, args ...any) {
	s.reasons = append(s.reasons, Fault{Text: fmt.Sprintf(format, args...)})
}

// decide comes to the reasons against the claim; none: proved.
func (s *Seen) decide(p *Proof) []Fault {
	dying := p.MayDie && p.Judge != nil // then its judge says what death means
	switch {
	case s.outcome.died && !dying:
		s.refute("%s", s.words.died)
	case s.outcome.timedOut && !dying:
		s.refute(s.words.hung, s.outcome.limit)
	case !s.ended && !s.outcome.died && !s.outcome.timedOut && !s.outcome.watched:
		s.refute(s.words.cutShort, s.outcome.exit, s.last)
	}
	if len(s.reasons) > 0 && !s.ended {
		return s.reasons // no use in judging half of the facts
	}
	if p.Attack != nil && len(s.reasons) == 0 {
		s.judgeAttack(p.Attack)
	}
	if p.Judge != nil && len(s.reasons) == 0 {
		if err := protect(func() error { p.Judge(s); return nil }); err != nil {
			s.refute("%v", err)
		}
	}
	return s.reasons
}

// judgeAttack requires both halves: without the mechanism the attack succeeds, or its
// failure with the mechanism shows nothing; with it, the kernel says no.
func (s *Seen) judgeAttack(a *Attack) {
	for _, name := range []string{without, with} {
		half := s.halves[name]
		switch {
		case half == nil:
			s.refute(s.words.halfMissing, s.words.half(name))
		case !half.ran:
			s.refuteBy(half.result, s.words.halfBroken, s.words.half(name))
		case name == without && half.result != nil:
			s.refuteBy(half.result, "%s", s.words.withoutFailed)
		case name == with && half.result == nil:
			s.refute("%s", s.words.withSucceeded)
		case name == with && a.Signal != 0 && half.result.Signal == a.Signal:
		case name == with && !slices.Contains(a.allowed(), half.result.Errno):
			s.refuteBy(half.result, s.words.wrongErrno, a.answers())
		}
	}
}

// refuteBy is refute with the fault behind it, whose errno stays with the reason.
func (s *Seen) refuteBy(f *Fault, format string, args ...any) {
	text := fmt.Sprintf(format, args...) + ": " + f.String()
	s.reasons = append(s.reasons, Fault{Text: text, Errno: f.Errno, Name: f.Name})
}
