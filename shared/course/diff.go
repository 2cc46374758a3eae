package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// diff shows the homework against the solution.
func diff(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Solved(l) {
		return tree.NotWritten(l)
	}
	return compare(ctx, t, "homework/"+l.Name, "solutions/"+l.Name)
}

// evolution shows what a lesson changed in mydocker.
func evolution(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	before, ok := l.Previous()
	if !ok || before.Number == 0 {
		return errors.New(say.T("mydocker begins in lesson 01; evolution-NN is there from 02 on", "mydocker начинается в уроке 01; evolution-NN есть с урока 02"))
	}
	if !t.Solved(l) {
		return tree.NotWritten(l)
	}
	return compare(ctx, t, "solutions/"+before.Name, "solutions/"+l.Name)
}

// compare shows how two folders of the tree differ in what a student would write. Only that
// is copied beside each other, so that the tools need no list of what to leave out.
func compare(ctx context.Context, t tree.Tree, a, b string) error {
	desk, err := os.MkdirTemp(t.Build, "diff-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(desk)
	for _, dir := range []string{a, b} {
		if err := os.MkdirAll(filepath.Join(desk, dir), 0o755); err != nil {
			return err
		}
		if err := copySources(t.Path(dir), filepath.Join(desk, dir)); err != nil {
			return err
		}
	}
	argv := []string{"diff", "-ruN", a, b}
	if _, err := exec.LookPath("git"); err == nil {
		argv = []string{"git", "diff", "--no-index", "--no-prefix", a, b}
	}
	cmd := child.Command(ctx, argv...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = desk, os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+t.Build)
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 1 { // they differ: that is what was asked
		return nil
	}
	if err == nil {
		fmt.Println(say.T("no difference", "различий нет"))
	}
	return err
}

// copySources copies the Go files of a program, without its tests and the parts of its module.
func copySources(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != from && (name == "testdata" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return err
		}
		return os.WriteFile(out, data, 0o644)
	})
}
