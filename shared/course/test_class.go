package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/pupils"
	"mydocker.example/shared/course/internal/tree"
)

// class grades four pupils as an instructor does: one who is right, one who has done nothing,
// one who takes all of the machine, and one who writes in the name of the checks. Then the
// same command once more, which has nothing to do and finds the same. A minute on two cores
// without KVM. All the pupils there are: go run ./shared/course/pupils.
func (s *suite) class(context.Context) []check {
	return []check{{tree.Lessons[pupils.Lesson].Name + " a class", func(ctx context.Context) error {
		desk, err := os.MkdirTemp("", "class-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(desk)
		dir, table := filepath.Join(desk, "class"), filepath.Join(desk, "grades.csv")
		all, err := pupils.Make(s.t, dir, "right", "stub", "fork-bomb", "writes-port")
		if err != nil {
			return err
		}
		var first []byte
		for again := range 2 {
			said, err := s.gradesClass(ctx, dir, table)
			if err != nil {
				return err
			}
			unfair, err := pupils.Compare(all, table)
			if err == nil && len(unfair) > 0 {
				err = fmt.Errorf("%s\n%s", strings.Join(unfair, "\n"), said)
			}
			if err != nil {
				return err
			}
			now, err := os.ReadFile(table)
			if err != nil {
				return err
			}
			if again == 0 {
				first = now
			} else if known := strings.Count(said, "(as before)"); string(now) != string(first) || known != len(all) {
				return fmt.Errorf("the second time %d of %d were known, and the table is\n%s\nand not\n%s", known, len(all), now, first)
			}
		}
		return nil
	}}}
}

// gradesClass is make grade-03.
func (s *suite) gradesClass(ctx context.Context, dir, table string) (said string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := child.Command(ctx, self, "grade", fmt.Sprint(pupils.Lesson))
	cmd.Env = append(cmd.Env, "COURSE_TREE="+s.t.Root, "COURSE_BUILD="+s.t.Build, "COURSE_LANG=en", "DIR="+dir, "OUT="+table, "JOBS=2", "TIMEOUT=60")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = errors.Join(err, errors.New(string(out)))
	}
	return string(out), err
}
