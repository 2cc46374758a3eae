package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/mutant"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/taught"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// matrix proves the grader: what is right passes, what is not fails where it should.
func (s *suite) matrix(ctx context.Context) (checks []check) {
	for _, l := range tree.Lessons {
		if !s.t.Graded(l) {
			continue
		}
		build := sync.OnceValues(func() (string, error) { return grader.BuildTest(ctx, s.t, l) })
		m := matrix{s.t, l, build, &s.bench}
		add := func(name string, run func(context.Context) error) {
			checks = append(checks, check{l.Name + " " + name, run})
		}
		add("solution", m.solution)
		add("stub", m.stub)
		add("untaught import", m.untaught)
		if before, ok := l.Previous(); ok && before.Number > 0 && s.t.Solved(before) {
			add("solution "+before.Name, func(ctx context.Context) error { return m.previous(ctx, before) })
		}
		mutants, err := mutant.Find(filepath.Join(s.t.Dir("lessons", l), "testdata", "mutants"), s.t.Dir("solutions", l))
		if err != nil {
			return broken(err)
		}
		for _, wrong := range mutants {
			add("mutant "+wrong.Name, func(ctx context.Context) error { return m.mutant(ctx, wrong) })
		}
	}
	return checks
}

// A matrix is one lesson's part of it.
type matrix struct {
	t     tree.Tree
	l     tree.Lesson
	test  func() (string, error) // builds the checks, once
	bench *grader.Bench
}

func (m matrix) check(ctx context.Context, dir string) (grader.Report, error) {
	return m.grade(ctx, grader.Submission{Dir: dir})
}

func (m matrix) grade(ctx context.Context, sub grader.Submission) (grader.Report, error) {
	sub.Lesson = m.l
	test, err := m.test()
	if err != nil {
		return grader.Report{}, err
	}
	pristine := func(ctx context.Context) (*vm.Guest, error) { return lab.Start(ctx, m.t, "") }
	return grader.Check(ctx, m.t, sub, test, pristine)
}

func (m matrix) solution(ctx context.Context) error {
	r, err := m.check(ctx, m.t.Dir("solutions", m.l))
	if err != nil {
		return err
	}
	if !r.Passed() || len(r.Vet) > 0 {
		return unexpected(r, "every task passes")
	}
	return nil
}

// stub is generated into a folder of its own: homework/ is the student's.
func (m matrix) stub(ctx context.Context) error {
	made, err := stub.Generate(ctx, m.t.Dir("solutions", m.l))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stub-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := made.Write(dir); err != nil {
		return err
	}
	r, err := m.check(ctx, dir)
	if err != nil {
		return err
	}
	todo := !slices.ContainsFunc(r.Tasks, func(o grader.Outcome) bool { return o.Verdict != grader.Todo })
	if len(r.Tasks) == 0 || !todo || len(r.Vet) > 0 {
		return unexpected(r, "it compiles, vets, and every task is todo")
	}
	return nil
}

func (m matrix) previous(ctx context.Context, before tree.Lesson) error {
	r, err := m.check(ctx, m.t.Dir("solutions", before))
	if err != nil {
		return err
	}
	if r.Passed() || len(r.Tasks) == 0 {
		return unexpected(r, "the solution of the lesson before fails")
	}
	return nil
}

// untaught adds one import to the solution that no mydocker of this lesson may have.
func (m matrix) untaught(ctx context.Context) error {
	later := taught.Later(m.l.Number)
	dir, err := os.MkdirTemp("", "untaught-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(
		copySources(m.t.Dir("solutions", m.l), dir),
		copyFile(filepath.Join(m.t.Dir("solutions", m.l), "go.mod"), filepath.Join(dir, "go.mod")),
		os.WriteFile(filepath.Join(dir, "extra.go"), []byte("package main\n\nimport _ \""+later+"\"\n"), 0o644),
	); err != nil {
		return err
	}
	r, err := m.check(ctx, dir)
	if err != nil {
		return err
	}
	if len(r.Refused) != 1 || !strings.Contains(r.Refused[0], later) {
		return unexpected(r, "the import is refused")
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// mutant fails its task with its diagnosis: on the bench. What does not fail there as it
// should is graded as a submission is, and that decides. With MATRIX=full every mutant is,
// against every task, and fails no other but those that it names: minutes for each lesson, so
// not every time.
func (m matrix) mutant(ctx context.Context, wrong mutant.Mutant) error {
	sub := grader.Submission{Dir: m.t.Dir("solutions", m.l), Overlay: wrong.Overlay}
	if os.Getenv("MATRIX") != "full" {
		if !m.l.OnHost() && m.failsOnBench(ctx, wrong) {
			return nil
		}
		sub.Tasks = []string{wrong.Task}
	}
	r, err := m.grade(ctx, sub)
	if err != nil {
		return err
	}
	for _, o := range r.Tasks {
		switch {
		case o.Task == wrong.Task && o.Verdict == grader.Fail && slices.Contains(wrong.Diagnoses, o.Diagnosis):
		case o.Task == wrong.Task:
			return unexpected(r, fmt.Sprintf("%s fails with %s", wrong.Task, strings.Join(wrong.Diagnoses, " or ")))
		case o.Verdict != grader.Pass && !slices.Contains(wrong.Also, o.Task):
			return unexpected(r, "only "+wrong.Task+" fails")
		}
	}
	if len(r.Tasks) == 0 {
		return unexpected(r, "it is graded")
	}
	return nil
}

// failsOnBench says whether a mutant fails its task with its diagnosis there.
func (m matrix) failsOnBench(ctx context.Context, wrong mutant.Mutant) bool {
	test, err := m.test()
	if err != nil {
		return false
	}
	dir, err := os.MkdirTemp(m.t.Build, "check-*")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	overlay, err := json.Marshal(map[string]any{"Replace": wrong.Overlay})
	if err != nil {
		return false
	}
	words, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mydocker")
	if os.WriteFile(words, overlay, 0o644) != nil ||
		lab.BuildAlone(ctx, m.t.Dir("solutions", m.l), program, "-ldflags=-s", "-overlay="+words) != nil {
		return false
	}
	verdict, diagnosis, err := m.bench.Try(ctx, test, program, wrong.Task)
	return err == nil && verdict == grader.Fail && slices.Contains(wrong.Diagnoses, diagnosis)
}

// unexpected tells the whole report.
func unexpected(r grader.Report, wanted string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "wanted: %s", wanted)
	for _, line := range append(r.Refused, r.Vet...) {
		fmt.Fprintf(&b, "\n  %s", line)
	}
	for _, o := range r.Tasks {
		fmt.Fprintf(&b, "\n  %-6s %s", o.Verdict, o.Task)
		if o.Diagnosis != "" || o.Text != "" {
			fmt.Fprintf(&b, "  %s: %s", o.Diagnosis, o.Text)
		}
		if o.Verdict != grader.Pass {
			for _, f := range o.Facts {
				fmt.Fprintf(&b, "\n           %s → %s", f.Question, f.Answer)
			}
		}
	}
	return errors.New(b.String())
}
