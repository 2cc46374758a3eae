package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// lesson becomes the lesson's own program: judge on the host, proofs in the lab.
func lesson(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	program, env, err := lessonProgram(ctx, t, l)
	if err != nil {
		return err
	}
	env = append(env, "COURSE_STAGE="+stagePlace(t, l))
	return unix.Exec(program, []string{program}, append(os.Environ(), env...))
}

// lessonProgram builds a lesson's program, makes sure of the place where it is to run, and
// gives what it needs in its environment.
func lessonProgram(ctx context.Context, t tree.Tree, l tree.Lesson) (program string, env []string, err error) {
	if !t.Written(l) {
		return "", nil, tree.NotWritten(l)
	}
	program = filepath.Join(t.Build, "lesson-"+l.Name)
	if err := lab.Build(ctx, t.Dir("lessons", l), program); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t.Rel(t.Dir("lessons", l)), err)
	}
	if os.Getenv("LAB") == "host" {
		err = fitHost()
	} else {
		_, err = lab.Image(ctx, t)
	}
	if err == nil {
		env, err = mydockerFor(ctx, t, l)
	}
	return program, env, err
}

// mydockerFor builds the mydocker that a lesson ends with, for its proofs, and names it in the
// environment. A lesson without a solution has none, and does not show those claims.
func mydockerFor(ctx context.Context, t tree.Tree, l tree.Lesson) (env []string, err error) {
	if !l.RunsMydocker() || !t.Solved(l) {
		return nil, nil
	}
	program, err := solution(ctx, t, l)
	return []string{"COURSE_MYDOCKER=" + program}, err
}

// solution builds the mydocker that a lesson ends with.
func solution(ctx context.Context, t tree.Tree, l tree.Lesson) (program string, err error) {
	dir := t.Dir("solutions", l)
	program = filepath.Join(t.Build, "mydocker-solutions-"+l.Name)
	if err := lab.Build(ctx, dir, program); err != nil {
		return "", fmt.Errorf("%s: %w", t.Rel(dir), err)
	}
	return program, nil
}

// fitHost says whether this machine can stand in for the lab. What a lesson needs beyond
// that, and what it must not do to a machine, the lesson itself knows.
func fitHost() error {
	if runtime.GOOS != "linux" {
		return errors.New(say.T("LAB=host needs Linux; without it the lesson runs in the lab", "для LAB=host нужен Linux; без LAB=host урок идёт в лаборатории"))
	}
	if os.Geteuid() != 0 {
		return errors.New(say.T("LAB=host needs root; without it the lesson runs in the lab, and needs no rights", "для LAB=host нужен root; без LAB=host урок идёт в лаборатории, и права не нужны"))
	}
	return nil
}
