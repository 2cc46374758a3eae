package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/texts"
	"mydocker.example/shared/course/internal/tree"
)

const staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"

// modules are the modules under test. homework/ is the student's own; only in CI, where it
// must be what is generated, is it among them.
func (s *suite) modules() (dirs []string) {
	for _, dir := range s.t.Modules() {
		if !strings.HasPrefix(dir, "homework/") || os.Getenv("CI") == "true" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// goIn runs the go command in a folder of the tree; what it prints is its error.
func (s *suite) goIn(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := child.Go(ctx, args...)
	cmd.Dir = s.t.Path(dir)
	cmd.Env = append(cmd.Env, env...)
	return silent(cmd)
}

// silent runs a command whose output matters only when it fails.
func silent(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// static is what can be said of the sources without running them.
func (s *suite) static(context.Context) []check {
	var ours, stubs []string // patterns for the go command
	for _, dir := range s.modules() {
		if strings.HasPrefix(dir, "homework/") {
			stubs = append(stubs, "./"+dir+"/...")
		} else {
			ours = append(ours, "./"+dir+"/...")
		}
	}
	return []check{
		{"gofmt", func(ctx context.Context) error {
			cmd := child.Command(ctx, append([]string{"gofmt", "-l"}, s.modules()...)...)
			cmd.Dir = s.t.Root
			out, err := cmd.CombinedOutput()
			if err == nil && len(out) > 0 {
				err = errors.New(string(out))
			}
			return err
		}},
		{"go vet", func(ctx context.Context) error {
			return s.goIn(ctx, ".", nil, slices.Concat([]string{"vet"}, ours, stubs)...)
		}},
		{"devcontainer.json", func(context.Context) error { return devcontainer(s.t) }},
		{"staticcheck", func(ctx context.Context) error {
			if err := s.goIn(ctx, ".", nil, slices.Concat([]string{"run", staticcheck}, ours)...); err != nil || len(stubs) == 0 {
				return err
			}
			// A stub has helpers that nothing calls until the student does.
			return s.goIn(ctx, ".", nil, slices.Concat([]string{"run", staticcheck, "-checks=inherit,-U1000"}, stubs)...)
		}},
	}
}

// host builds and tests each module as it would be alone, without go.work. Tests that need
// the lab are skipped here; the stage lab runs them. The stage static has vetted all of it.
func (s *suite) host(context.Context) (checks []check) {
	for _, dir := range s.modules() {
		checks = append(checks, check{dir, func(ctx context.Context) error {
			alone := []string{"GOWORK=off"}
			if err := s.goIn(ctx, dir, alone, "build", "-o", os.DevNull, "./..."); err != nil {
				return err
			}
			return s.goIn(ctx, dir, alone, "test", "-vet=off", "-count=1", "-timeout=15m", "./...")
		}})
	}
	return checks
}

// texts holds every text against its other language, and against what it points to.
func (s *suite) texts(context.Context) (checks []check) {
	paths := []string{"README.md", "INSTRUCTOR.md", "lessons/GLOSSARY.md"}
	for _, l := range tree.Lessons {
		paths = append(paths, "lessons/"+l.Name+"/README.md")
		if s.t.Graded(l) {
			paths = append(paths, "lessons/"+l.Name+"/HOMEWORK.md")
		}
	}
	for _, path := range paths {
		checks = append(checks, check{path, func(context.Context) error {
			ru := strings.TrimSuffix(path, ".md") + ".ru.md"
			return errors.Join(texts.CompareFiles(s.t.Path(path)), texts.Links(s.t.Root, path), texts.Links(s.t.Root, ru))
		}})
	}
	checks = append(checks, check{"the terms of lessons/GLOSSARY.md", func(context.Context) error { return texts.Glossary(s.t.Path("lessons", "GLOSSARY.md")) }})
	checks = append(checks, check{"the times of README.md", func(context.Context) error {
		return errors.Join(texts.Times(s.t.Root, "README.md", "README.md"), texts.Times(s.t.Root, "README.ru.md", "README.ru.md"))
	}})
	checks = append(checks, check{"the mistakes of INSTRUCTOR.md", func(context.Context) error {
		return errors.Join(texts.Mistakes(s.t.Root, "INSTRUCTOR.md"), texts.Mistakes(s.t.Root, "INSTRUCTOR.ru.md"))
	}})
	checks = append(checks, check{"lessons/COVERAGE.md", func(context.Context) error { return texts.Coverage(s.t.Path("lessons")) }})
	return checks
}

// stubs generates every homework, and in CI holds the committed ones against it.
func (s *suite) stubs(context.Context) (checks []check) {
	for _, l := range tree.Lessons {
		checks = append(checks, check{l.Name, func(ctx context.Context) error {
			made, err := stub.Generate(ctx, s.t.Dir("solutions", l))
			if err != nil || os.Getenv("CI") != "true" {
				return err
			}
			return holdAgainst(made, s.t.Dir("homework", l))
		}})
	}
	return checks
}

// holdAgainst says where a folder is not what was generated.
func holdAgainst(made stub.Stub, dir string) error {
	there, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	var wrong []string
	for _, path := range there {
		if _, ok := made.Files[filepath.Base(path)]; !ok {
			wrong = append(wrong, filepath.Base(path)+" is not generated")
		}
	}
	for name, want := range made.Files {
		if have, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(have) != string(want) {
			wrong = append(wrong, name+" is not what is generated")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("make stubs has not been run:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}
