package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mydocker.example/shared/prose"
	"mydocker.example/shared/reexec"
)

// Exit codes of a lesson. A signal's is 128 and its number, as a shell reports it.
const (
	exitProved  = 0
	exitRefuted = 1
	exitUsage   = 2
)

// Main is all that a lesson's main calls: the judge on the host, the proof in the guest.
// The environment says how:
//
//	COURSE_LANG=ru     the language of the texts
//	ONLY=orphan,1.3    these claims only
//	STEP=1             one step at a time, for the stage
//	JSON=1             one JSON object a line
//	NO_COLOR=1         plain text
//	LAB=host           run the proofs on this machine instead of the lab
//	COLD=1             boot the lab instead of restoring it
func Main(l Lesson) {
	reexec.Register(attackStage, func() { runAttacker(l) })
	if reexec.Init() { // an actor or an attacker: a child of a proof
		return
	}
	if id := os.Getenv(proofEnv); id != "" { // in the guest
		os.Exit(runGuest(l, id))
	}
	os.Exit(runJudge(l)) // on the host
}

// settings is what the environment asked for.
type settings struct {
	only             []string
	step, json       bool
	lang             string
	onHost, mayHurt  bool
	terminal, styled bool
	width            int
}

func readSettings() settings {
	s := settings{
		step:     isSet("STEP"),
		json:     isSet("JSON"),
		lang:     prose.Lang(),
		onHost:   os.Getenv("LAB") == "host",
		mayHurt:  os.Getenv("LAB_HOST_DANGER") == "yes",
		terminal: term.IsTerminal(int(os.Stdout.Fd())),
		width:    80,
	}
	s.only = strings.FieldsFunc(os.Getenv("ONLY"), func(r rune) bool { return r == ',' || r == ' ' })
	s.styled = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
		s.width = min(w, 100) // longer lines are hard to read
	}
	return s
}

// isSet: STEP=1 is set; STEP= and STEP=0 are not.
func isSet(name string) bool { v := os.Getenv(name); return v != "" && v != "0" }

// runJudge is the host's side of the whole run; it returns the exit code.
func runJudge(l Lesson) int {
	set := readSettings()
	w := inLanguage(set.lang)
	title, claims, err := readClaims(l, set.lang)
	if err == nil {
		claims, err = choose(claims, set.only)
	}
	if err == nil && set.step && set.json {
		err = errors.New("STEP and JSON exclude one another")
	}
	if err == nil && set.onHost {
		err = fitForHost(l, claims, set.mayHurt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.Join(wrap(err.Error(), set.width, ""), "\n"))
		return exitUsage
	}

	ctx, caught := untilSignal()
	var where place = newLab(l, os.Stderr)
	if set.onHost {
		where = &host{name: l.Name}
	}
	var show audience = newPeople(os.Stdout, set, w)
	if set.json {
		show = newJSONLines(os.Stdout, l.Name)
	}
	j := &judge{claims: claims, place: where, show: show, words: w, verdicts: map[string]verdict{}}
	show.begin(title)
	where.prepare(ctx, claims[0].proof)
	if set.step {
		err = j.stage(ctx, os.Stdin, show.(*people))
	} else {
		err = j.straightThrough(ctx)
	}
	closeErr := where.close()
	if sig := caught(); sig != 0 {
		return 128 + int(sig)
	}
	show.end(j.summary())
	if err = errors.Join(err, closeErr); err != nil {
		fmt.Fprintln(os.Stderr, advice(err, w))
		return exitRefuted
	}
	if len(j.summary().refuted) > 0 {
		return exitRefuted
	}
	return exitProved
}

// choose keeps the claims that ONLY names, in the order of the text; none named: all.
func choose(claims []claim, only []string) ([]claim, error) {
	wanted := map[int]bool{}
	for _, name := range only {
		i, ok := lookUp(claims, name)
		if !ok {
			var names []string
			for _, c := range claims {
				names = append(names, c.Number+" "+c.ID)
			}
			return nil, fmt.Errorf("ONLY=%s: no such proof; there are: %s", name, strings.Join(names, ", "))
		}
		wanted[i] = true
	}
	var chosen []claim
	for i, c := range claims {
		if len(only) == 0 || wanted[i] {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("this lesson proves nothing yet")
	}
	return chosen, nil
}

// untilSignal gives a context that ends with Ctrl-C and the like, and tells which it was.
func untilSignal() (context.Context, func() unix.Signal) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() { cancel(caughtSignal((<-signals).(unix.Signal))) }()
	return ctx, func() unix.Signal {
		var sig caughtSignal
		errors.As(context.Cause(ctx), &sig)
		return unix.Signal(sig)
	}
}

type caughtSignal unix.Signal

func (s caughtSignal) Error() string { return unix.Signal(s).String() }
