package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
)

// record becomes the lesson's program, which runs the proofs and keeps what a stage would
// have shown: in out/lesson-03.en.cast, or the file that OUT names.
func record(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	path := os.Getenv("OUT")
	if path == "" {
		path = tape(t, l)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf(say.T("OUT=%s: there is no folder %s", "OUT=%s: папки %s нет"), os.Getenv("OUT"), filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf(say.T("OUT=%s is no file", "OUT=%s — не файл"), os.Getenv("OUT"))
	}
	for _, name := range []string{"STEP", "JSON"} { // a recording is the whole lesson, for people
		os.Unsetenv(name)
	}
	program, env, err := lessonProgram(ctx, t, l)
	if err != nil {
		return err
	}
	return unix.Exec(program, []string{program}, append(append(os.Environ(), env...), "COURSE_TAPE="+path))
}

// tape is where the recording of a lesson is looked for, in the reader's language.
func tape(t tree.Tree, l tree.Lesson) string {
	return t.Path("out", fmt.Sprintf("lesson-%02d.%s.cast", l.Number, prose.Lang()))
}
