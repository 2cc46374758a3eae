package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/screen"
)

// newcomer types make and reads what there is: no word is broken by the edge of the screen.
// Costs a second.
func (s *suite) newcomer(ctx context.Context, lang string) (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	const width = 80
	t, err := screen.Start(ctx, screen.Options{Dir: s.t.Root, Width: width, Height: 50, Env: []string{"COURSE_LANG=" + lang}}, program, "help")
	if err != nil {
		return err
	}
	defer closing(t, &err)
	if _, err := t.WaitEnd(ctx, 5*time.Second); err != nil {
		return err
	}
	seen, err := t.Capture()
	if err != nil {
		return err
	}
	for _, name := range []string{"lesson-NN", "watch-NN", "list"} { // the first, the last
		if !strings.Contains(seen, "\n  "+name) {
			return fmt.Errorf("%s is not in\n%s", name, seen)
		}
	}
	if rows := brokenWords(seen, width); len(rows) > 0 {
		return fmt.Errorf("the edge of the screen breaks\n%s", strings.Join(rows, "\n"))
	}
	return nil
}

// closing closes a terminal at the end of a check. What it leaves behind is a failure.
func closing(t *screen.Screen, err *error) {
	if left := t.Close(); *err == nil {
		*err = left
	}
}
