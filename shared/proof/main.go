package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mydocker.example/shared/internal/stage"
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
//	MINUTES=45         what the clock of the stage plans for them
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
	notes            bool   // for the speaker: to follow the lesson on the stage
	place            string // the file in which a lesson on the stage says where it is
	tape             string // the file to record to
	minutes          int
	lang             string
	onHost, mayHurt  bool
	terminal, styled bool
	width, height    int
}

// What the course tool says to the engine, beside what a person does.
const (
	notesEnv = "COURSE_NOTES" // 1: show the notes
	placeEnv = "COURSE_STAGE"
	tapeEnv  = "COURSE_TAPE"
)

func readSettings() (settings, error) {
	s := settings{
		step:     isSet("STEP"),
		notes:    isSet(notesEnv),
		place:    os.Getenv(placeEnv),
		tape:     os.Getenv(tapeEnv),
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
	var err error
	if s.tape != "" {
		s.width, s.height, err = tapeSize(os.Getenv("SIZE"), inLanguage(s.lang))
	}
	if minutes := os.Getenv("MINUTES"); minutes != "" && err == nil {
		s.minutes, err = strconv.Atoi(minutes)
		if err != nil || s.minutes < 1 || s.minutes > 1000 {
			err = fmt.Errorf(inLanguage(s.lang).badMinutes, minutes)
		}
	}
	return s, err
}

// tapeSize is that of the terminal to record for. The usual one fits everywhere.
func tapeSize(size string, w *words) (width, height int, err error) {
	if size == "" {
		return 80, 24, nil
	}
	_, err = fmt.Sscanf(size, "%dx%d", &width, &height)
	if err != nil || size != fmt.Sprintf("%dx%d", width, height) || width < 40 || height < 12 || width > 400 || height > 200 {
		return 80, 24, fmt.Errorf(w.badSize, size)
	}
	return width, height, nil
}

// isSet: STEP=1 is set; STEP= and STEP=0 are not.
func isSet(name string) bool { v := os.Getenv(name); return v != "" && v != "0" }

// runJudge is the host's side of the whole run; it returns the exit code.
func runJudge(l Lesson) int {
	set, err := readSettings()
	w := inLanguage(set.lang)
	var title string
	var all, claims []claim
	if err == nil {
		title, all, err = readClaims(l, set.lang)
	}
	if err == nil {
		claims, err = choose(all, set.only)
	}
	if err == nil && set.step && set.json {
		err = errors.New("STEP and JSON exclude one another")
	}
	if err == nil && set.onHost && !set.notes {
		err = fitForHost(l, claims, set.mayHurt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.Join(prose.Wrap(err.Error(), set.width, ""), "\n"))
		return exitUsage
	}

	ctx, caught := untilSignal()
	if set.notes {
		return ended(notes(ctx, l, set, title, all, claims), caught(), w)
	}
	j := &judge{claims: claims, words: w, verdicts: map[string]verdict{}}
	stages := newOnStage(stage.NewScreen(os.Stdout), set, w, claims)
	var log io.Writer = os.Stderr
	switch {
	case set.json:
		j.show = newJSONLines(os.Stdout, l.Name)
	case set.step && set.tape == "":
		j.show = stages
		if stages.screen.Moves {
			log = stages // a line in the middle of a screen would stay there
		}
	default:
		j.show = newPeople(os.Stdout, set, w)
	}
	var where place = newLab(l, log)
	if set.onHost {
		where = &host{name: l.Name}
	}
	j.place = where
	j.show.begin(title)
	where.prepare(ctx, claims[0].proof)
	recorded := ""
	switch {
	case set.tape != "":
		recorded, err = j.record(ctx, set.tape, l, title, set, os.Stdout)
	case set.step:
		stages.plan = schedule(l, set.lang, all, claims, set.minutes)
		if stages.place, err = stage.Take(set.place); err == nil {
			err = j.stage(ctx, os.Stdin, stages)
			stages.place.Leave()
		}
	default:
		err = j.straightThrough(ctx)
	}
	err = errors.Join(err, where.close())
	if caught() == 0 {
		j.show.end(j.summary())
	}
	if err == nil {
		fmt.Print(recorded)
	}
	if code := ended(err, caught(), w); code != exitProved {
		return code
	}
	if len(j.summary().refuted) > 0 {
		return exitRefuted
	}
	return exitProved
}

// ended is the exit code of a run that ended with err, or by a signal.
func ended(err error, by unix.Signal, w *words) int {
	switch {
	case by != 0:
		return 128 + int(by)
	case err != nil:
		fmt.Fprintln(os.Stderr, advice(err, w))
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
