package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
)

// A hall waits this long for a proof without asking itself what is wrong.
const slow = 5 * time.Second

// rehearse runs every demo as a lecture would, and says how long each takes beside what its
// text promises, and which proofs are slow. A refuted claim makes it end with 1.
func rehearse(ctx context.Context, t tree.Tree, _ []string) error {
	wanted, err := demos(t)
	if err != nil {
		return err
	}
	var refuted []string
	var took time.Duration
	for _, d := range wanted {
		r, err := d.run(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", d.lesson.Name, err)
		}
		r.print(d)
		refuted, took = append(refuted, r.refuted...), took+r.took
	}
	if len(wanted) > 1 {
		fmt.Printf(say.T("in all %s\n", "всего %s\n"), clock(took))
	}
	if len(refuted) > 0 {
		fmt.Println(say.Bad(say.T("REFUTED: ", "ОПРОВЕРГНУТО: ")) + strings.Join(refuted, ", "))
		return exit(1)
	}
	return nil
}

// A demo is a lesson, or those of its proofs that ONLY names.
type demo struct {
	lesson tree.Lesson
	only   []string // "" is all
	times  prose.Times
}

// demos are what LESSON and ONLY leave. ONLY alone chooses lessons, too: those that have one
// of the proofs.
func demos(t tree.Tree) ([]demo, error) {
	one, err := wantedLesson(t)
	if err != nil {
		return nil, err
	}
	only := strings.FieldsFunc(os.Getenv("ONLY"), func(r rune) bool { return r == ',' || r == ' ' })
	found := map[string]bool{}
	var wanted []demo
	for _, l := range t.WrittenLessons() {
		if one != "" && l.Name != one {
			continue
		}
		text, err := os.ReadFile(filepath.Join(t.Dir("lessons", l), "README.md"))
		if err != nil {
			return nil, err
		}
		sections, err := prose.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		d := demo{lesson: l}
		d.times, _ = prose.ReadTimes(text)
		for _, name := range only {
			if slices.ContainsFunc(sections, func(s prose.Section) bool { return s.Kind == "proof" && (s.ID == name || s.Number == name) }) {
				d.only, found[name] = append(d.only, name), true
			}
		}
		if len(only) == 0 || len(d.only) > 0 {
			wanted = append(wanted, d)
		}
	}
	for _, name := range only {
		if !found[name] {
			return nil, fmt.Errorf(say.T("ONLY=%s: no such proof; name one by its id or its number, as 3.5", "ONLY=%s: такого доказательства нет; назовите его по имени или по номеру, как 3.5"), name)
		}
	}
	return wanted, nil
}

// A rehearsal is how one demo went.
type rehearsal struct {
	took     time.Duration // from the first line to the last, the lab's start included
	proofs   []proofTime
	refuted  []string
	notShown []string
}

type proofTime struct {
	name string
	took time.Duration
}

// run runs the lesson's program, which tells in JSON how each proof went.
func (d demo) run(ctx context.Context, t tree.Tree) (r rehearsal, err error) {
	program, env, err := lessonProgram(ctx, t, d.lesson)
	if err != nil {
		return r, err
	}
	done := say.Meanwhile(fmt.Sprintf("%02d …", d.lesson.Number))
	defer done()
	cmd := child.Command(ctx, program)
	cmd.WaitDelay = 30 * time.Second // it has a lab to put away
	cmd.Env = append(append(cmd.Env, env...), "JSON=1", "STEP=", "ONLY="+strings.Join(d.only, ","))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	summed := r.read(out)
	err = cmd.Wait()
	r.took = time.Since(begun)
	return r, wentWrong(ctx, err, summed, said.String())
}

// wentWrong: that a claim was refuted is a result, unless the run did not come to its summary.
func wentWrong(ctx context.Context, err error, summed bool, said string) error {
	var ended *exec.ExitError
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.As(err, &ended) && ended.ExitCode() == 1 && summed && said == "" {
		return nil
	}
	if err != nil && strings.TrimSpace(said) != "" {
		return errors.New(strings.TrimSpace(said))
	}
	return err
}

// read takes the verdicts, and says whether the summary came.
func (r *rehearsal) read(out io.Reader) (summed bool) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Type, ID, Number string
			Proved           any             // of a verdict; a summary counts
			NotShown         json.RawMessage `json:"notShown"`
			Millis           int64           `json:"ms"`
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch e.Type {
		case "verdict":
			name := e.Number + " " + e.ID
			r.proofs = append(r.proofs, proofTime{name, time.Duration(e.Millis) * time.Millisecond})
			switch {
			case e.Proved != true && e.NotShown != nil:
				r.notShown = append(r.notShown, name)
			case e.Proved != true:
				r.refuted = append(r.refuted, name)
			}
		case "summary":
			summed = true
		}
	}
	io.Copy(io.Discard, out)
	return summed
}

// print prints a line for the lesson and one for each slow proof.
func (r rehearsal) print(d demo) {
	word := say.Good(say.T("ok     ", "верно  "))
	if len(r.refuted) > 0 {
		word = say.Bad(say.T("REFUTED", "НЕВЕРНО"))
	}
	plan := ""
	if len(d.only) == 0 && d.times.Run > 0 {
		under := ""
		if d.times.Under {
			under = say.T("under ", "меньше ")
		}
		plan = fmt.Sprintf(say.T("  the text says %s%d min", "  в тексте %s%d мин"), under, d.times.Run)
		if late := r.took > time.Duration(d.times.Run)*time.Minute+30*time.Second; late {
			plan = say.Bad(plan)
		}
	}
	fmt.Printf("%02d  %s  %s  %s %d%s\n", d.lesson.Number, word, clock(r.took), say.T("proofs:", "доказательств:"), len(r.proofs), plan)
	slices.SortStableFunc(r.proofs, func(a, b proofTime) int { return int(b.took - a.took) })
	for _, p := range r.proofs {
		if p.took >= slow {
			fmt.Printf("      %5.1f %s  %s\n", p.took.Seconds(), say.T("s", "с"), p.name)
		}
	}
	for _, name := range r.notShown {
		fmt.Printf("      %s %s\n", say.Dim(say.T("not shown:", "не показано:")), name)
	}
	for _, name := range r.refuted {
		fmt.Printf("      %s %s\n", say.Bad(say.T("refuted:", "опровергнуто:")), name)
	}
}

// clock is minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%2d:%02d", s/60, s%60)
}
