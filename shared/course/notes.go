package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/tree"
)

// notes becomes the lesson's program, which follows the lesson on the stage: the same program
// in another terminal says in a file where it is.
func notes(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Written(l) {
		return tree.NotWritten(l)
	}
	program := filepath.Join(t.Build, "lesson-"+l.Name)
	if err := lab.Build(ctx, t.Dir("lessons", l), program); err != nil {
		return fmt.Errorf("%s: %w", t.Rel(t.Dir("lessons", l)), err)
	}
	return unix.Exec(program, []string{program}, append(os.Environ(), "COURSE_NOTES=1", "COURSE_STAGE="+stagePlace(t, l)))
}

// stagePlace is the file in which a lesson on the stage says where it is.
func stagePlace(t tree.Tree, l tree.Lesson) string {
	return filepath.Join(t.Build, "stage-"+l.Name)
}
