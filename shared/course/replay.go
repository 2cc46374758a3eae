package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/term"

	"mydocker.example/shared/course/internal/player"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/internal/cast"
	hall "mydocker.example/shared/internal/stage"
	"mydocker.example/shared/prose"
)

// replay plays the recording of a lesson, or the one that FROM names. It needs nothing of the
// lab and nothing of the lesson: it is for the day when neither works.
func replay(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	speed, err := wantedSpeed(os.Getenv("SPEED"))
	if err != nil {
		return err
	}
	path := os.Getenv("FROM")
	if path == "" {
		path = tape(t, l)
	}
	recording, err := readTape(path)
	var bad *cast.Bad
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf(say.T("there is no recording %s; make one: make record-%02d", "записи %s нет; сделайте её: make record-%02d"), t.Rel(path), l.Number)
	case errors.As(err, &bad) && bad.Kind == cast.ErrTruncated:
		return fmt.Errorf(say.T("%s is cut off in line %d; record it again: make record-%02d", "%s: запись оборвана в строке %d; запишите её снова: make record-%02d"), t.Rel(path), bad.Line, l.Number)
	case errors.As(err, &bad):
		return fmt.Errorf(say.T("%s is no asciicast v2 file (line %d: %s); make record-%02d makes one", "%s: это не запись asciicast v2 (строка %d: %s); её делает make record-%02d"), t.Rel(path), bad.Line, bad.Why, l.Number)
	case err != nil:
		return err
	}
	p := &player.Player{Tape: recording, Speed: speed, Screen: hall.NewScreen(os.Stdout), Voice: hall.In(prose.Lang())}
	if step := os.Getenv("STEP"); step != "" && step != "0" {
		if err := p.Find(); err != nil {
			return fmt.Errorf("%s: %s", t.Rel(path), say.T("no proofs are marked in it, so STEP=1 has nothing to stop at; without STEP it plays",
				"в записи не отмечены доказательства, и STEP=1 не знает, где стоять; без STEP она пойдёт"))
		}
		if number := p.Lesson(); number != l.Number {
			return fmt.Errorf(say.T("%s is a recording of lesson %02d: make replay-%02[2]d FROM=%[1]s", "%s — запись урока %02d: make replay-%02[2]d FROM=%[1]s"), t.Rel(path), number)
		}
		p.Place, err = hall.Take(stagePlace(t, l)) // the notes follow a recording, too
		if err != nil {
			return err
		}
		defer p.Place.Leave()
		return p.Step(ctx, os.Stdin)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return p.Play(ctx, nil)
	}
	return p.Play(ctx, os.Stdin)
}

func readTape(path string) (cast.Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return cast.Recording{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return cast.Recording{}, fmt.Errorf(say.T("FROM=%s is no file", "FROM=%s — не файл"), path)
	}
	return cast.Read(file)
}

func wantedSpeed(text string) (float64, error) {
	if text == "" {
		return 1, nil
	}
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || !(speed >= 0.1 && speed <= 1000) {
		return 0, errors.New(say.T("SPEED is a number from 0.1 to 1000: SPEED=2 is twice as fast", "SPEED — число от 0.1 до 1000: SPEED=2 — вдвое быстрее"))
	}
	return speed, nil
}
