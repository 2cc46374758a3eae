package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/carry"
	"mydocker.example/shared/course/internal/mutant"
	"mydocker.example/shared/course/internal/screen"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/course/internal/whole"
	"mydocker.example/vm"
)

// student takes homework 03 from make start to full points, at a terminal with make watch in a
// second pane: three wrong tries, each with its diagnosis, and a file that does not compile.
// What is theirs is held against what they have saved after each step that could lose it.
// All of it happens in a copy of the tree. Costs some 50 s on a quiet machine that emulates.
func (s *suite) student(ctx context.Context) (err error) {
	l := tree.Lessons[3]
	p, err := newStudent(ctx, s.t, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	steps := []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"make start", func(ctx context.Context) error { return p.says(ctx, "make start-03", "3.6 volume", "make watch-03") }},
		{"make watch", func(ctx context.Context) error {
			return errors.Join(p.watch.Line("make watch-03"), p.watch.WaitFor(ctx, "todo: ", answer))
		}},
		{"all but one file", func(ctx context.Context) error {
			return p.try(ctx, p.solution("image.go", "mounts.go", "volume.go"), "todo: ")
		}},
		{"try 1, no mount point", func(ctx context.Context) error {
			return p.try(ctx, p.wrong("no-mount-point"), "НЕТ", "pivot_root", "`pivot-refuses`")
		}},
		{"start over begun work", func(ctx context.Context) error {
			return p.says(ctx, "make start-03", "is begun already", "make reset-03")
		}},
		{"try 2, chroot, by an editor that renames", func(ctx context.Context) error {
			p.editor = renames
			return p.try(ctx, p.wrong("chroot"), "НЕТ", "`chroot-escape`")
		}},
		{"a file that does not compile, by an editor that truncates and writes", func(ctx context.Context) error {
			p.editor = truncates
			return p.try(ctx, carry.Files{"rootfs.go": []byte("package main\n\nfunc {\n")}, "не компилируется", "rootfs.go:3:6: syntax error")
		}},
		{"try 3, the old root is kept", func(ctx context.Context) error {
			return p.try(ctx, p.wrong("old-root-kept"), "НЕТ", "`old-root-gone`")
		}},
		{"the right one", func(ctx context.Context) error {
			return p.try(ctx, p.solution("rootfs.go"), "баллов: 100 из 100", "make progress")
		}},
		{"make progress", func(ctx context.Context) error {
			return p.says(ctx, "make progress", "done, 100 of 100", "next: make lesson-04")
		}},
		{"an update of the course", func(ctx context.Context) error {
			if err := p.update(); err != nil {
				return err
			}
			return errors.Join(p.says(ctx, "make start-03", "is begun already"), p.says(ctx, "make start-04", "make watch-04"), p.updated("04-cgroups"))
		}},
		{"Ctrl-C in watch", func(ctx context.Context) error {
			return errors.Join(p.watch.Clear(), p.watch.Keys("C-c"), p.watch.WaitFor(ctx, "$", soon))
		}},
	}
	for _, step := range steps {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if err := p.lost(p.dir); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return p.reset(ctx)
}

// Limits of a quiet machine that emulates.
const (
	soon   = 20 * time.Second
	answer = 60 * time.Second // a build and a check, or all checks
)

// A person who works on a homework, in a copy of the tree.
type person struct {
	t            tree.Tree
	l            tree.Lesson
	root         string
	dir          string // the homework
	build        string
	shell, watch *screen.Screen
	stub         carry.Files // as it was in the beginning
	mine         carry.Files // as they saved it last
	editor       func(path string, text []byte) error
}

func newStudent(ctx context.Context, t tree.Tree, l tree.Lesson) (*person, error) {
	root, err := os.MkdirTemp("", "student-")
	if err != nil {
		return nil, err
	}
	p := &person{t: t, l: l, root: root, dir: filepath.Join(root, "homework", l.Name), mine: carry.Files{}, editor: truncates}
	if err := errors.Join(copyTree(t.Root, root), p.pristine(ctx), p.ownTool(ctx)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	o := screen.Options{Dir: root, Width: 100, Height: 60, Env: []string{"COURSE_LANG=en", "PS1=$ "}}
	if p.shell, err = screen.Start(ctx, o, "bash", "--norc"); err != nil {
		return nil, errors.Join(err, p.close())
	}
	o.Env = []string{"COURSE_LANG=ru", "PS1=$ "}
	if p.watch, err = p.shell.Split(o, "bash", "--norc"); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// close leaves nothing: no terminal, no tree, no folder of builds.
func (p *person) close() (err error) {
	if p.shell != nil {
		err = p.shell.Close()
	}
	if p.build != "" {
		err = errors.Join(err, os.RemoveAll(p.build))
	}
	return errors.Join(err, os.RemoveAll(p.root))
}

// copyTree copies the sources, and not what git has or a build has made.
func copyTree(from, to string) error {
	for _, name := range []string{"Makefile", "go.work", "go.work.sum", "README.md", "lessons", "shared", "solutions", "vm"} {
		path := filepath.Join(from, name)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = os.CopyFS(filepath.Join(to, name), os.DirFS(path))
		default:
			err = copyFile(path, filepath.Join(to, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pristine makes two homeworks as a clone has them: the tree's own may be begun.
func (p *person) pristine(ctx context.Context) error {
	next := tree.Lessons[p.l.Number+1]
	for _, l := range []tree.Lesson{p.l, next} {
		made, err := stub.Generate(ctx, p.t.Dir("solutions", l))
		if err != nil {
			return err
		}
		if _, err := made.Write(filepath.Join(p.root, "homework", l.Name)); err != nil {
			return err
		}
		if l == p.l {
			p.stub = made.Files
		}
	}
	return nil
}

// ownTool puts this program where the copy's Makefile looks for its own: it is built of the
// same sources, and to build it once more would take longer than all the rest.
func (p *person) ownTool(ctx context.Context) error {
	sum, err := exec.CommandContext(ctx, "sh", "-c", `printf %s "$0" | cksum | cut -d' ' -f1`, p.root).Output()
	if err != nil {
		return err
	}
	cache, err := vm.CacheDir()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.build = filepath.Join(cache, "build", strings.TrimSpace(string(sum)))
	return errors.Join(os.MkdirAll(p.build, 0o755), copyFile(self, filepath.Join(p.build, "course")), os.Chmod(filepath.Join(p.build, "course"), 0o755))
}

// says types a command into the shell and waits for the words of its answer.
func (p *person) says(ctx context.Context, line string, words ...string) error {
	if err := errors.Join(p.shell.Clear(), p.shell.Line(line)); err != nil {
		return err
	}
	for _, word := range words {
		if err := p.shell.WaitFor(ctx, word, soon); err != nil {
			return err
		}
	}
	return nil
}

// try saves files and waits for what watch says to them.
func (p *person) try(ctx context.Context, files carry.Files, words ...string) error {
	if err := p.watch.Clear(); err != nil {
		return err
	}
	for name, text := range files {
		p.mine[name] = text
		if err := p.editor(filepath.Join(p.dir, name), text); err != nil {
			return err
		}
	}
	for _, word := range words {
		if err := p.watch.WaitFor(ctx, word, answer); err != nil {
			return err
		}
	}
	return nil
}

// Two ways in which editors save.
func truncates(path string, text []byte) error { return os.WriteFile(path, text, 0o644) }
func renames(path string, text []byte) error   { return whole.Write(path, text) }

// solution are files of the solution, without the marks of the holes: a student types no marks.
func (p *person) solution(names ...string) carry.Files {
	files := carry.Files{}
	filled, _ := stub.Filled(p.t.Dir("solutions", p.l))
	for _, name := range names {
		files[name] = filled[name]
	}
	return files
}

// wrong is a mutant's file.
func (p *person) wrong(name string) carry.Files {
	files := carry.Files{}
	mutants, _ := mutant.Find(filepath.Join(p.t.Dir("lessons", p.l), "testdata", "mutants"), p.t.Dir("solutions", p.l))
	for _, m := range mutants {
		for path, file := range m.Overlay {
			if m.Name == name {
				files[filepath.Base(path)], _ = os.ReadFile(file)
			}
		}
	}
	return files
}

// lost says which of the student's files in a folder are not as they saved them.
func (p *person) lost(dir string) error {
	for name, text := range p.mine {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(have, text) {
			err = fmt.Errorf("%s is not what was written there", filepath.Join(dir, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// update is what a git pull brings: the solutions have changed, and so will their stubs.
func (p *person) update() error {
	for _, name := range []string{p.l.Name, "04-cgroups"} {
		path := filepath.Join(p.root, "solutions", name, "main.go")
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, append(text, "\n// Of an update.\n"...), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// updated says whether a homework that was not begun has come along.
func (p *person) updated(name string) error {
	text, err := os.ReadFile(filepath.Join(p.root, "homework", name, "main.go"))
	if err == nil && !bytes.HasSuffix(text, []byte("// Of an update.\n")) {
		err = fmt.Errorf("homework/%s was not begun, and is not updated", name)
	}
	return err
}

// reset puts the work aside, where all of it still is, and the homework is the stub again.
func (p *person) reset(ctx context.Context) error {
	if err := p.says(ctx, "make reset-03", "homework/.saved/"+p.l.Name, "make watch-03"); err != nil {
		return err
	}
	saved, err := filepath.Glob(filepath.Join(p.root, "homework", ".saved", p.l.Name+"-*"))
	if err != nil || len(saved) != 1 {
		return fmt.Errorf("in homework/.saved: %v, %w", saved, err)
	}
	begun := *p
	begun.mine = carry.Files{}
	for name := range p.mine { // main.go is the update's
		begun.mine[name] = p.stub[name]
	}
	return errors.Join(p.lost(saved[0]), begun.lost(p.dir), p.says(ctx, "make progress", "done, 100 of 100"))
}
