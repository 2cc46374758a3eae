package main

import (
	"context"
	"fmt"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// list names the lessons, and says which of them are written.
func list(_ context.Context, t tree.Tree, _ []string) error {
	for _, l := range tree.Lessons {
		title := say.T(l.En, l.Ru)
		if !t.Written(l) {
			title += say.Dim(say.T("  (not written yet)", "  (ещё не написан)"))
		}
		fmt.Printf("%02d  %s\n", l.Number, title)
	}
	return nil
}

// oneLesson is for commands that take a lesson's number and nothing else.
func oneLesson(t tree.Tree, args []string) (tree.Lesson, error) {
	if len(args) != 1 {
		return t.Lesson("")
	}
	return t.Lesson(args[0])
}
