package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/patch"
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
	text, err := unified(ctx, desk, a, b)
	if err != nil {
		return err
	}
	if text == "" {
		fmt.Println(say.T("no difference", "различий нет"))
		return nil
	}
	if !say.Terminal() {
		_, err := fmt.Print(text)
		return err
	}
	if os.Getenv("NO_COLOR") == "" {
		files, err := patch.Parse(text)
		if err != nil {
			return err
		}
		text = fmt.Sprintf("%s → %s\n\n", a, b) + patch.Paint(files, columns())
	}
	return page(text)
}

// unified is the difference as text that patch(1) takes. git knows where a function of Go
// begins, and finds the smaller of two differences; without it there is diff.
func unified(ctx context.Context, desk, a, b string) (string, error) {
	argv := []string{"diff", "-ruN", a, b}
	if _, err := exec.LookPath("git"); err == nil {
		attributes := filepath.Join(desk, "attributes")
		if err := os.WriteFile(attributes, []byte("*.go diff=golang\n"), 0o644); err != nil {
			return "", err
		}
		argv = []string{"git", "-c", "core.attributesFile=" + attributes, "-c", "core.quotePath=false", "diff",
			"--no-index", "--no-prefix", "--no-color", "--no-ext-diff", "--no-renames", "--histogram", a, b}
	}
	cmd := child.Command(ctx, argv...)
	cmd.Dir, cmd.Stderr = desk, os.Stderr
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(desk))
	out, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 1 { // they differ: that is what was asked
		err = nil
	}
	return string(out), err
}

// page shows a text on the terminal through the reader's pager: $PAGER, or less.
func page(text string) error {
	pager, named := os.LookupEnv("PAGER")
	if !named {
		pager = "less"
	}
	if _, err := exec.LookPath("less"); pager == "" || pager == "cat" || !named && err != nil {
		_, err := fmt.Print(text)
		return err
	}
	// Not by child.Command: Ctrl-C belongs to the pager, which must put the terminal back.
	signal.Ignore(unix.SIGINT)
	cmd := exec.Command("/bin/sh", "-c", pager)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	if os.Getenv("LESS") == "" { // as git does: a short text stays, a long one is paged, with its colours
		cmd.Env = append(cmd.Env, "LESS=FRX")
	}
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) { // that a reader has had enough is no failure
		return nil
	}
	return err
}

// columns is the width of the terminal.
func columns() int {
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
		return width
	}
	return 80
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
