package proof

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

// A claim is a numbered heading of the README, and the proof behind it.
type claim struct {
	prose.Section
	proof *Proof
	words int // there are to say about it: its own, and those that lead up to it
}

// readme is the base name of the text with the claims.
const readme = "README.md"

// readClaims gives the lesson's title and its claims, in the order of the text.
func readClaims(l Lesson, lang string) (title string, claims []claim, err error) {
	text, err := fs.ReadFile(l.Texts, prose.File(readme, lang))
	if err != nil {
		return "", nil, err
	}
	sections, err := proofSections(l.Texts, prose.File(readme, lang))
	if err != nil {
		return "", nil, err
	}
	lead := len(strings.Fields(introduction(string(text))))
	for _, s := range sections {
		own, chapter, _ := strings.Cut("\n"+s.After, "\n## ") // a chapter leads up to the next claim
		if p := find(l.Proofs, s.ID); p != nil {
			claims = append(claims, claim{Section: s, proof: p, words: lead + len(strings.Fields(s.Body+" "+own))})
		}
		lead = len(strings.Fields(chapter))
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "# "), claims, nil
}

// introduction is what stands between the first chapter's heading and the first claim.
func introduction(text string) string {
	_, text, _ = strings.Cut(text, "\n## ")
	for _, opens := range []string{"\n### Proof ", "\n### Доказательство "} {
		text, _, _ = strings.Cut(text, opens)
	}
	return text
}

// schedule plans the chosen claims: of the minutes that the lesson's text names they get
// their share, by the words that there are to say. minutes, if not 0, is for the chosen ones.
func schedule(l Lesson, lang string, all, chosen []claim, minutes int) stage.Plan {
	weigh := func(claims []claim) (weights []int, sum int) {
		for _, c := range claims {
			weights = append(weights, c.words)
			sum += c.words
		}
		return weights, sum
	}
	_, whole := weigh(all)
	weights, part := weigh(chosen)
	total := time.Duration(minutes) * time.Minute
	text, err := fs.ReadFile(l.Texts, prose.File(readme, lang))
	if times, ok := prose.ReadTimes(text); minutes == 0 && err == nil && ok && whole > 0 {
		total = time.Duration(times.Study) * time.Minute * time.Duration(part) / time.Duration(whole)
	}
	return stage.NewPlan(total, weights)
}

func proofSections(texts fs.FS, name string) ([]prose.Section, error) {
	text, err := fs.ReadFile(texts, name)
	if err != nil {
		return nil, err
	}
	sections, err := prose.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return slices.DeleteFunc(sections, func(s prose.Section) bool { return s.Kind != "proof" }), nil
}

// CheckTexts holds the lesson's texts against its code: the same ids and numbers in
// README.md and README.ru.md, the same ids in Proofs, all in the same order. It names
// whatever is unknown or missing.
func CheckTexts(l Lesson) error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	code := map[string]int{} // id → its place
	var order []string
	for i, p := range l.Proofs {
		if _, twice := code[p.ID]; twice {
			complain("the code has proof %s twice", p.ID)
		}
		code[p.ID] = i
		order = append(order, p.ID)
		errs = append(errs, p.check())
	}
	numbers := map[string]string{} // id → its number in the first text
	for _, lang := range []string{"en", "ru"} {
		name := prose.File(readme, lang)
		sections, err := proofSections(l.Texts, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var ids []string
		for i, s := range sections {
			ids = append(ids, s.ID)
			if _, ok := code[s.ID]; !ok {
				complain("%s: proof %s `%s` is not in the code", name, s.Number, s.ID)
			}
			if want := fmt.Sprintf("%d.%d", l.Number, i+1); s.Number != want {
				complain("%s: proof `%s` has number %s, and %s is due", name, s.ID, s.Number, want)
			}
			if first, ok := numbers[s.ID]; ok && first != s.Number {
				complain("%s: proof `%s` has number %s, and %s in the other text", name, s.ID, s.Number, first)
			} else {
				numbers[s.ID] = s.Number
			}
		}
		missing := false
		for _, id := range order {
			if !slices.Contains(ids, id) {
				missing = true
				complain("%s: proof `%s` of the code is missing", name, id)
			}
		}
		if !missing && len(ids) == len(order) && !slices.Equal(ids, order) {
			complain("%s: the order is %s; the code's is %s", name, strings.Join(ids, " "), strings.Join(order, " "))
		}
	}
	return errors.Join(errs...)
}

// check finds what no proof can be without.
func (p *Proof) check() error {
	switch {
	case p.Guest == nil && p.Attack == nil:
		return fmt.Errorf("proof %s: neither Guest nor Attack", p.ID)
	case p.Host && (p.ownGuest() || p.User != ""):
		return fmt.Errorf("proof %s: Host goes with no guest and no other user", p.ID)
	case p.Attack != nil && p.Attack.Run == nil:
		return fmt.Errorf("proof %s: an attack without Run", p.ID)
	case p.Attack != nil && len(p.Attack.allowed()) == 0 && p.Attack.Signal == 0:
		return fmt.Errorf("proof %s: an attack without Errno", p.ID)
	case p.Watch != nil && p.Host:
		return fmt.Errorf("proof %s: Watch goes with a guest", p.ID)
	}
	return nil
}

// lookUp finds a claim by its id, its number (1.3) or its place (3).
func lookUp(claims []claim, name string) (int, bool) {
	for i, c := range claims {
		if c.ID == name || c.Number == name {
			return i, true
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(claims) {
		return n - 1, true
	}
	return 0, false
}
