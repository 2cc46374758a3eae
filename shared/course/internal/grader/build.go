// Package grader holds a mydocker against a lesson's homework: builds it, refuses what was
// not taught yet, runs the lesson's checks against it in a guest, and adds up the points.
package grader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/taught"
	"mydocker.example/shared/course/internal/tree"
)

// A Submission is a mydocker to be graded.
type Submission struct {
	Lesson  tree.Lesson
	Dir     string            // a folder with package main
	Overlay map[string]string // files of Dir replaced by others, by absolute path
	Tasks   []string          // only these tasks; none named: all
	Limit   time.Duration     // of an unemulated machine, for all of the checks; 0: five minutes
}

// wants says whether a task is to be checked.
func (s Submission) wants(task string) bool {
	return len(s.Tasks) == 0 || slices.Contains(s.Tasks, task)
}

// pattern is what `-test.run` takes: each task is a subtest of TestHomework.
func (s Submission) pattern() string {
	if len(s.Tasks) == 0 {
		return "-test.run=^TestHomework$"
	}
	return "-test.run=^TestHomework$/^(" + strings.Join(s.Tasks, "|") + ")$"
}

// A Refusal is why a submission is not graded at all: the words are for the student.
type Refusal struct{ Lines []string }

func (r *Refusal) Error() string { return strings.Join(r.Lines, "\n") }

func refuse(format string, args ...any) error {
	return &Refusal{[]string{fmt.Sprintf(format, args...)}}
}

// A workshop is a temporary folder in which one submission is built: with a go.mod of its
// own, so that a submission may lie anywhere and can replace no module of the course.
type workshop struct {
	t     tree.Tree
	sub   Submission
	dir   string
	flags []string // for go build and go list
}

func newWorkshop(t tree.Tree, sub Submission) (*workshop, error) {
	dir, err := os.MkdirTemp(t.Build, "check-*")
	if err != nil {
		return nil, err
	}
	w := &workshop{t: t, sub: sub, dir: dir}
	if err := plainFiles(sub.Dir); err != nil {
		w.close()
		return nil, err
	}
	if err := errors.Join(w.module(), w.overlay()); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// mostSource is more than any mydocker has.
const mostSource = 16 << 20

// plainFiles refuses what is no program of a student's: a link would be followed by the
// compiler, out of the submission and into somebody else's work.
func plainFiles(dir string) error {
	var size int64
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // module will say so
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case d.Type()&fs.ModeSymlink != 0 && strings.HasPrefix(d.Name(), ".#"):
			return nil // the lock of an Emacs that has it open: a link to nowhere, and never compiled
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		switch rel, _ := filepath.Rel(dir, path); {
		case !info.Mode().IsRegular():
			return refuse(say.T("%s is no regular file", "%s — не обычный файл"), rel)
		case size > mostSource:
			return refuse(say.T("it is larger than %d MB", "она больше %d МБ"), mostSource>>20)
		}
		return nil
	})
}

func (w *workshop) close() { os.RemoveAll(w.dir) }

// module writes the go.mod to build with: the student's requirements where they are allowed,
// and the course's own library from this tree.
func (w *workshop) module() error {
	data, err := os.ReadFile(filepath.Join(w.sub.Dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return refuse(say.T("there is no go.mod in %s; copy the one of homework/%s there", "в %s нет go.mod; скопируйте туда go.mod из homework/%s"), w.t.Rel(w.sub.Dir), w.sub.Lesson.Name)
	}
	if err != nil {
		return err
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return refuse("%v", err)
	}
	for _, r := range file.Require {
		if !taught.Module(r.Mod.Path) {
			return refuse(say.T("go.mod requires %s, which is not a module of the course", "go.mod требует %s, а такого модуля в курсе нет"), r.Mod.Path)
		}
	}
	for _, r := range slices.Clone(file.Replace) {
		if err := file.DropReplace(r.Old.Path, r.Old.Version); err != nil {
			return err
		}
	}
	for module, dir := range map[string]string{"mydocker.example/shared": "shared", "mydocker.example/vm": "vm"} {
		if err := errors.Join(file.AddRequire(module, "v0.0.0"), file.AddReplace(module, "", w.t.Path(dir), "")); err != nil {
			return err
		}
	}
	// The language is the course's, and no other toolchain is fetched.
	file.DropToolchainStmt()
	version, err := goVersion(w.t)
	if err != nil {
		return err
	}
	if err := file.AddGoStmt(version); err != nil {
		return err
	}
	file.Cleanup()
	data, err = file.Format()
	if err != nil {
		return err
	}
	var sums []byte
	for _, dir := range []string{w.sub.Dir, w.t.Path("shared"), w.t.Path("vm")} {
		more, err := os.ReadFile(filepath.Join(dir, "go.sum"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sums = append(sums, more...)
	}
	path := filepath.Join(w.dir, "go.mod")
	w.flags = append(w.flags, "-modfile="+path, "-mod=mod")
	return errors.Join(os.WriteFile(path, data, 0o644), os.WriteFile(filepath.Join(w.dir, "go.sum"), sums, 0o644))
}

// goVersion is the go line of the course's own library.
func goVersion(t tree.Tree) (string, error) {
	data, err := os.ReadFile(t.Path("shared", "go.mod"))
	if err != nil {
		return "", err
	}
	file, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil {
		return "", err
	}
	return file.Go.Version, nil
}

func (w *workshop) overlay() error {
	if len(w.sub.Overlay) == 0 {
		return nil
	}
	data, err := json.Marshal(map[string]any{"Replace": w.sub.Overlay})
	if err != nil {
		return err
	}
	path := filepath.Join(w.dir, "overlay.json")
	w.flags = append(w.flags, "-overlay="+path)
	return os.WriteFile(path, data, 0o644)
}

// buildLimit is for a mydocker and, the first time, all of the library.
const buildLimit = 5 * time.Minute

// build refuses what was not taught yet, and builds the rest.
func (w *workshop) build(ctx context.Context) (program string, err error) {
	if err := w.imports(ctx); err != nil {
		return "", err
	}
	program = filepath.Join(w.dir, "mydocker")
	limited, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	err = lab.BuildAlone(limited, w.sub.Dir, program, w.flags...)
	if limited.Err() != nil && ctx.Err() == nil {
		return "", refuse(say.T("it did not compile within %v", "она не скомпилировалась за %v"), buildLimit)
	}
	var compile *lab.CompileError
	if errors.As(err, &compile) {
		lines := compile.Lines(w.t.Rel(w.sub.Dir))
		return "", &Refusal{append([]string{say.T("it does not compile:", "программа не компилируется:")}, lines...)}
	}
	return program, err
}

// imports holds what the submission's own packages import against what was taught.
func (w *workshop) imports(ctx context.Context) error {
	cmd := child.Go(ctx, append(append([]string{"list", "-e", "-deps", "-json=Imports,Module,Name"}, w.flags...), ".")...)
	cmd.Dir = w.sub.Dir
	cmd.Env = append(cmd.Env, "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) && ctx.Err() == nil {
			return &Refusal{(&lab.CompileError{Dir: w.sub.Dir, Output: string(ended.Stderr)}).Lines(w.t.Rel(w.sub.Dir))}
		}
		return err
	}
	var own []string
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			Name    string
			Imports []string
			Module  *struct{ Main bool }
		}
		if err := dec.Decode(&p); err != nil {
			return err
		}
		if p.Module != nil && p.Module.Main {
			own = append(own, p.Imports...)
		}
	}
	refusal := &Refusal{}
	for _, r := range taught.Refused(w.sub.Lesson.Number, slices.Compact(slices.Sorted(slices.Values(own)))) {
		if r.From < 0 {
			refusal.Lines = append(refusal.Lines, fmt.Sprintf(say.T("it imports %s, which is not a library for mydocker", "программа импортирует %s, а это не библиотека для mydocker"), r.Package))
			continue
		}
		refusal.Lines = append(refusal.Lines, fmt.Sprintf(say.T(
			"it imports %s, which may be imported from lesson %02d on; until then the kernel's own calls are to be written out",
			"программа импортирует %s, а этот пакет разрешён с урока %02d; до тех пор вызовы ядра пишутся своими руками"), r.Package, r.From))
	}
	if len(refusal.Lines) > 0 {
		return refusal
	}
	return nil
}

// Vet is what go vet has to say: a hint, never a verdict.
func (w *workshop) vet(ctx context.Context) []string {
	cmd := child.Go(ctx, append(append([]string{"vet"}, w.flags...), ".")...)
	cmd.Dir = w.sub.Dir
	cmd.Env = append(cmd.Env, "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	return (&lab.CompileError{Dir: w.sub.Dir, Output: strings.ReplaceAll(string(out), "vet: ", "")}).Lines(w.t.Rel(w.sub.Dir))
}
