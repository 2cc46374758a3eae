package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mydocker.example/shared/internal/cast"
	"mydocker.example/shared/internal/stage"
)

// What a recording has that no terminal had: time to read, after a claim has come up and
// after its verdict. Whoever plays it may shorten longer waits to idleLimit.
const (
	pauseToRead = 4 * time.Second
	idleLimit   = 5 * time.Second
)

// record runs the claims as a lecturer would who never waits, on a terminal that keeps what
// it is shown. Two markers a proof are for the player: its claim, and its verdict. Only a run
// in which nothing is refuted replaces the file. done says where it is.
func (j *judge) record(ctx context.Context, to string, l Lesson, title string, set settings, say io.Writer) (done string, err error) {
	tape := cast.NewRecorder()
	show := newOnStage(stage.NewScreenOn(tape, set.width, set.height), set, j.words, j.claims)
	show.bare = true
	before := j.show
	j.show = show
	defer func() { j.show = before }()
	for i, c := range j.claims {
		show.present(i)
		j.place.prepare(ctx, c.proof)
		tape.Mark(fmt.Sprintf("%s %s: %s", c.Number, c.ID, c.Title))
		tape.Pause(pauseToRead)
		stop := show.run()
		err := j.prove(ctx, c)
		stop()
		if err != nil {
			return "", err
		}
		v := j.verdicts[c.ID]
		word, _ := show.word(v)
		tape.Mark(c.Number + " " + word)
		tape.Pause(pauseToRead)
		fmt.Fprintf(say, j.words.recordedOne, c.Number, c.ID, word, v.took.Seconds())
	}
	show.screen.Clear()
	show.people.say("", bold, title)
	show.people.end(j.summary())
	if len(j.summary().refuted) > 0 {
		return "", errors.New(j.words.notRecorded)
	}
	err = keep(to, tape.End(cast.Header{
		Width: set.width, Height: set.height, IdleLimit: idleLimit.Seconds(), Title: title,
		Command: fmt.Sprintf("make lesson-%02d", l.Number),
		Env:     map[string]string{"TERM": "xterm-256color"},
	}))
	play := fmt.Sprintf("make replay-%02d", l.Number)
	if to = near(to); to != fmt.Sprintf("out/lesson-%02d.%s.cast", l.Number, set.lang) { // not where it is looked for
		play = "FROM=" + to + " " + play
	}
	return fmt.Sprintf(j.words.recorded, to, play), err
}

// near is how a person would name a file: from here, if it lies below.
func near(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// keep puts the file in its place whole.
func keep(path string, r cast.Recording) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := errors.Join(r.Encode(file), file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
