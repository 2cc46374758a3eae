package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/screen"
	"mydocker.example/shared/course/internal/tree"
)

// Three proofs of lesson 03 that are cheap, and of which the second fills a screen.
const onStage = "ONLY=chroot-namespace,pivot-namespace,loader"

// lecturer gives lesson 03 from a stage of two terminals: forward, back, a jump, again, another
// size, the end; then, in Russian and without colours, Ctrl-C in the middle of a proof. The
// notes follow. Costs 6 s on a quiet machine that emulates.
func (s *suite) lecturer(ctx context.Context) (err error) {
	l := tree.Lessons[3]
	h, err := s.hall(ctx, screen.Options{Width: 80, Height: 49}, []string{"COURSE_LANG=en", "STEP=1", onStage}, "lesson", "03")
	if err != nil {
		return err
	}
	defer closing(h.Screen, &err)
	notes, err := h.Split(screen.Options{Dir: s.t.Root, Env: []string{"COURSE_LANG=ru"}}, h.program, "notes", "03")
	if err != nil {
		return err
	}
	side := &inHall{Screen: notes, width: 80}
	err = first(
		h.sees(ctx, "3.5 chroot-namespace", "1 of 3", "CLONE_NEWNS", "next: 3.6 in a mount", "Enter run", "? keys", "plan "),
		side.sees(ctx, "3.5 chroot-namespace  1 из 3", "набрать: Enter запустить", "дальше: 3.6"),
		h.types(ctx, "Enter", "3.5 chroot-namespace", "a visitor: open", "PROVED", "Enter next", "r again"),
		side.sees(ctx, "PROVED", "набрать: Enter дальше", "осталось"),
		h.types(ctx, "Enter", "3.6 pivot-namespace", "2 of 3", "next: 3.14", "Enter run"),
		h.types(ctx, "b", "3.5 chroot-namespace", "1 of 3", "Enter run"),
		h.types(ctx, "3 . 1 4", "> 3.14"),
		h.types(ctx, "Enter", "3.14 loader", "3 of 3", "this is the last one", "Enter run"),
		side.sees(ctx, "3.14 loader  3 из 3"),
		h.types(ctx, "r", "3.14 loader", "the new root holds", "PROVED", "Enter end"),
		h.types(ctx, "7 Enter", "no such proof: 7", "Enter end"),
		h.types(ctx, "?", "back to the one before", "these keys"),
		h.types(ctx, "t", "Two programs are copied", "Enter end"),
		h.resized(ctx, 60, 41, "3.14 loader", "Two programs are copied", "Enter end"),
		h.types(ctx, "q", "proved: 2", "ended 0: icanon echo"),
		side.sees(ctx, "урок закончен"),
		side.types(ctx, "q"),
	)
	if err != nil {
		return err
	}
	if code, err := notes.WaitEnd(ctx, soon); err != nil || code != 0 {
		return fmt.Errorf("the notes ended with %d, %w", code, err)
	}

	ru, err := s.hall(ctx, screen.Options{Width: 60, Height: 20}, []string{"COURSE_LANG=ru", "NO_COLOR=1", "STEP=1", onStage}, "lesson", "03")
	if err != nil {
		return err
	}
	defer closing(ru.Screen, &err)
	err = first(
		ru.sees(ctx, "3.5 chroot-namespace", "1 из 3", "дальше: 3.6", "Enter запустить"),
		ru.plain(),
		ru.types(ctx, "Enter", "идёт"),
		ru.types(ctx, "C-c", "ended 130: icanon echo"),
	)
	if err != nil {
		return err
	}
	if _, err := os.Stat(stagePlace(s.t, l)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is left behind", stagePlace(s.t, l))
	}
	return nil
}

// tape records two proofs of lesson 03 and plays them where there is no cache, no lab, and no
// way to make one: step by step, then through. Costs 5 s on a quiet machine that emulates.
func (s *suite) tape(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "tape-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "lesson.cast")
	rec, err := s.hall(ctx, screen.Options{}, []string{"COURSE_LANG=en", "ONLY=chroot-namespace,loader", "OUT=" + path}, "record", "03")
	if err != nil {
		return err
	}
	defer closing(rec.Screen, &err)
	if err := rec.sees(ctx, "3.5   chroot-namespace", "PROVED", "3.14  loader", "make replay-03", "proved: 2", "ended 0")(); err != nil {
		return err
	}

	nothing := []string{"COURSE_LANG=en", "FROM=" + path, "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "COURSE_BUILD=" + filepath.Join(dir, "build")}
	step, err := s.hall(ctx, screen.Options{}, append(nothing, "STEP=1", "SPEED=4"), "replay", "03")
	if err != nil {
		return err
	}
	defer closing(step.Screen, &err)
	err = first(
		step.sees(ctx, "3.5 chroot-namespace", "1 of 2", "next: 3.14", "Enter play", "recorded 20"),
		step.types(ctx, "Enter", "a visitor: open", "PROVED", "Enter next"),
		step.types(ctx, "Enter", "3.14 loader", "Two programs are copied", "Enter play"),
		step.types(ctx, "b", "3.5 chroot-namespace", "Enter play"),
		step.types(ctx, "2 Enter", "3.14 loader", "Enter play"),
		step.types(ctx, "Enter", "the new root holds", "PROVED", "Enter end"),
		step.resized(ctx, 90, 30, "PROVED", "Enter end"),
		step.types(ctx, "q", "ended 0: icanon echo"),
	)
	if err != nil {
		return err
	}

	through, err := s.hall(ctx, screen.Options{}, append(nothing, "SPEED=20"), "replay", "03")
	if err != nil {
		return err
	}
	defer closing(through.Screen, &err)
	if err := through.sees(ctx, "proved: 2", "ended 0: icanon echo")(); err != nil {
		return err
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text[:len(text)/2], 0o644); err != nil {
		return err
	}
	half, err := s.hall(ctx, screen.Options{}, nothing, "replay", "03")
	if err != nil {
		return err
	}
	defer closing(half.Screen, &err)
	return half.sees(ctx, "cut off", "make record-03", "ended 1")()
}

// An inHall looks at a terminal.
type inHall struct {
	*screen.Screen
	program string
	width   int
}

// hall starts a command of the tool in a terminal, and after its end says how it ended and in
// which state the terminal is.
func (s *suite) hall(ctx context.Context, o screen.Options, env []string, args ...string) (*inHall, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o.Dir, o.Env = s.t.Root, env
	script := `trap : INT; "$0" "$@"; echo "ended $?: $(stty -a | tr -s ' ;' '\n' | grep -xE -e '-?(icanon|echo)' | paste -sd ' ')"`
	t, err := screen.Start(ctx, o, append([]string{"sh", "-c", script, program}, args...)...)
	width := o.Width
	if width == 0 {
		width = 80
	}
	return &inHall{t, program, width}, err
}

// first does one thing after another, up to the first that fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// sees waits until all words are on the screen at once, and no row is broken by its edge.
func (h *inHall) sees(ctx context.Context, words ...string) func() error {
	return func() error {
		seen := ""
		err := h.WaitUntil(ctx, fmt.Sprintf("%q", words), 30*time.Second, func(string) bool {
			seen, _ = h.Capture()
			for _, word := range words {
				if !strings.Contains(seen, word) {
					return false
				}
			}
			return true
		})
		if rows := brokenWords(seen, h.width); err == nil && len(rows) > 0 {
			err = fmt.Errorf("the edge of the screen breaks\n%s", strings.Join(rows, "\n"))
		}
		return err
	}
}

// types presses keys and waits for the words.
func (h *inHall) types(ctx context.Context, keys string, words ...string) func() error {
	return func() error {
		if err := h.Keys(strings.Fields(keys)...); err != nil {
			return err
		}
		return h.sees(ctx, words...)()
	}
}

// resized gives the terminal another size and looks.
func (h *inHall) resized(ctx context.Context, width, height int, words ...string) func() error {
	return func() error {
		if err := h.Resize(width, height); err != nil {
			return err
		}
		h.width = width
		return h.sees(ctx, words...)()
	}
}

// plain says whether anything on the screen is painted.
func (h *inHall) plain() func() error {
	return func() error {
		seen, err := h.Colours()
		if err == nil && strings.Contains(seen, "\x1b") {
			err = fmt.Errorf("painted, in spite of NO_COLOR:\n%q", seen)
		}
		return err
	}
}
