package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/tree"
)

// stubs makes homework/ from solutions/. It never writes over a student's work: RESET=1
// puts the work aside first.
func stubs(ctx context.Context, t tree.Tree, _ []string) error {
	var refused error
	for _, l := range tree.Lessons {
		s, err := stub.Generate(ctx, t.Dir("solutions", l))
		if err != nil {
			return fmt.Errorf("%s: %w", t.Rel(t.Dir("solutions", l)), err)
		}
		if err := writeStub(t, l, s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			refused = exit(1)
		}
	}
	return refused
}

func writeStub(t tree.Tree, l tree.Lesson, s stub.Stub) error {
	dir := t.Dir("homework", l)
	edited, err := s.Edited(dir)
	if err != nil {
		return err
	}
	if len(edited) > 0 {
		if os.Getenv("RESET") != "1" {
			return fmt.Errorf(say.T("%s holds your work (%s) and is left alone; RESET=1 make stubs puts it aside first",
				"%s хранит вашу работу (%s), она не тронута; RESET=1 make stubs сначала отложит её"), t.Rel(dir), strings.Join(edited, ", "))
		}
		if err := putAside(t, l); err != nil {
			return err
		}
	}
	changed, err := s.Write(dir)
	if len(changed) > 0 {
		fmt.Printf("%s: %s\n", t.Rel(dir), strings.Join(changed, ", "))
	}
	return err
}

// putAside saves homework/NN as it stands.
func putAside(t tree.Tree, l tree.Lesson) error {
	saved := t.Path("homework", ".saved", l.Name+time.Now().Format("-2006-01-02-150405"))
	if err := stub.Save(t.Dir("homework", l), saved); err != nil {
		return err
	}
	fmt.Printf(say.T("your work is kept in %s\n", "ваша работа сохранена в %s\n"), t.Rel(saved))
	return nil
}

// resetHomework brings homework/NN back to its beginning. Where nobody has written anything
// there is nothing to keep.
func resetHomework(ctx context.Context, t tree.Tree, l tree.Lesson) error {
	s, err := stub.Generate(ctx, t.Dir("solutions", l))
	if err != nil {
		return err
	}
	dir := t.Dir("homework", l)
	mine, err := own(s, dir)
	if err != nil {
		return err
	}
	if len(mine) > 0 {
		if err := putAside(t, l); err != nil {
			return err
		}
		if err := stub.Empty(dir); err != nil {
			return err
		}
	}
	if _, err = s.Write(dir); err != nil {
		return err
	}
	fmt.Println(say.Hang("", fmt.Sprintf(say.T("%s is as it was at the beginning; make watch-%02d checks on every save", "%s снова в начале; make watch-%02d проверяет при каждом сохранении"), t.Rel(dir), l.Number)))
	return nil
}
