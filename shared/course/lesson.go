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
	if !t.Written(l) {
		return tree.NotWritten(l)
	}
	program := filepath.Join(t.Build, "lesson-"+l.Name)
	if err := lab.Build(ctx, t.Dir("lessons", l), program); err != nil {
		return fmt.Errorf("%s: %w", t.Rel(t.Dir("lessons", l)), err)
	}
	if os.Getenv("LAB") == "host" {
		err = fitHost()
	} else {
		_, err = lab.Image(ctx, t)
	}
	if err != nil {
		return err
	}
	return unix.Exec(program, []string{program}, os.Environ())
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
