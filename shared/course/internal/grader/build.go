// Package grader holds a mydocker against a lesson's homework: builds it, refuses what was
// not taught yet, runs the lesson's checks against it in a guest, and adds up the points.
package grader

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"mydocker.example/shared/course/internal/hold"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/taught"
	"mydocker.example/shared/course/internal/tree"
)

// A Submission is a mydocker to be graded.
type Submission struct {
	Lesson  tree.Lesson
	Dir     string            // a folder with package main
	Name    string            // how people call it; "": as Dir
	Overlay map[string]string // files of Dir replaced by others, by absolute path
	Tasks   []string          // only these tasks; none named: all
	Limit   time.Duration     // of an unemulated machine, for all of the checks; 0: five minutes
}

// wants says whether a task is to be checked.
func (s Submission) wants(task string) bool {
	return len(s.Tasks) == 0 || slices.Contains(s.Tasks, task)
}

// A Refusal is why a submission is not graded at all: the words are for the student.
type Refusal struct{ Lines []string }

func (r *Refusal) Error() string { return strings.Join(r.Lines, "\n") }

func refuse(format string, args ...any) error {
	return &Refusal{[]string{fmt.Sprintf(format, args...)}}
}

// A workshop is a temporary folder in which one submission is built. The go command sees a
// copy of its sources there beside a go.mod of the course's own, and nothing that a student
// wrote to be read by it: no replace, no toolchain, no go.work, no link out of the folder.
type workshop struct {
	t   tree.Tree
	sub Submission
	dir string
	src string // in dir: the copy

	release func() // of dir
}

func newWorkshop(t tree.Tree, sub Submission) (*workshop, error) {
	dir, err := os.MkdirTemp(t.Build, "check-*")
	if err != nil {
		return nil, err
	}
	w := &workshop{t: t, sub: sub, dir: dir, src: filepath.Join(dir, "src")}
	if w.release, err = hold.Dir(dir); err == nil {
		err = w.module()
	}
	if err == nil {
		err = copySources(sub.Dir, w.src, sub.Overlay)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// name is what stands before a file of the submission.
func (w *workshop) name() string { return cmp.Or(w.sub.Name, w.t.Rel(w.sub.Dir)) }

func (w *workshop) close() {
	os.RemoveAll(w.dir)
	if w.release != nil {
		w.release()
	}
}

// module writes the go.mod to build with: named as the student's, and requiring what the
// lesson's solution and the course's own library require, in their versions.
func (w *workshop) module() error {
	theirs, err := readModule(filepath.Join(w.sub.Dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return refuse(say.T("there is no go.mod in %s; copy the one of homework/%s there", "в %s нет go.mod; скопируйте туда go.mod из homework/%s"), w.name(), w.sub.Lesson.Name)
	}
	if err != nil {
		return err
	}
	for _, r := range theirs.Require {
		if !taught.Module(r.Mod.Path) {
			return refuse(say.T("go.mod requires %s, which is not a module of the course", "go.mod требует %s, а такого модуля в курсе нет"), r.Mod.Path)
		}
	}
	file, sums := &modfile.File{}, []byte(nil)
	if err := file.AddModuleStmt(theirs.Module.Mod.Path); err != nil {
		return err
	}
	versions := map[string]string{"mydocker.example/shared": "v0.0.0", "mydocker.example/vm": "v0.0.0"}
	for _, dir := range []string{w.t.Dir("solutions", w.sub.Lesson), w.t.Path("shared"), w.t.Path("vm")} {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil {
			return err
		}
		ours, err := modfile.Parse(filepath.Join(dir, "go.mod"), data, nil)
		if err != nil {
			return err
		}
		if file.Go == nil {
			if err := file.AddGoStmt(ours.Go.Version); err != nil {
				return err
			}
		}
		for _, r := range ours.Require {
			if semver.Compare(r.Mod.Version, versions[r.Mod.Path]) > 0 {
				versions[r.Mod.Path] = r.Mod.Version
			}
		}
		more, err := os.ReadFile(filepath.Join(dir, "go.sum"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sums = append(sums, more...)
	}
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		file.AddNewRequire(path, versions[path], false)
	}
	for _, name := range []string{"shared", "vm"} {
		if err := file.AddReplace("mydocker.example/"+name, "", w.t.Path(name), ""); err != nil {
			return err
		}
	}
	data, err := file.Format()
	return errors.Join(err,
		os.Mkdir(w.src, 0o755),
		os.WriteFile(filepath.Join(w.src, "go.mod"), data, 0o644),
		os.WriteFile(filepath.Join(w.src, "go.sum"), sums, 0o644))
}

// readModule reads a student's go.mod.
func readModule(path string) (*modfile.File, error) {
	switch info, err := os.Lstat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > mostModule:
		return nil, refuse("%s", say.T("go.mod is no ordinary file of a few lines", "go.mod — не обычный файл в несколько строк"))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.ParseLax("go.mod", data, nil)
	switch {
	case err != nil:
		return nil, refuse("%s", plain(err.Error()))
	case file.Module == nil:
		return nil, refuse("%s", say.T("go.mod does not name a module; begin it with: module mydocker", "в go.mod не назван модуль; начните файл строкой: module mydocker"))
	}
	return file, nil
}

// mostModule is more than any go.mod has.
const mostModule = 64 << 10

// build refuses what was not taught yet, and builds the rest.
func (w *workshop) build(ctx context.Context) (program string, err error) {
	if err := w.imports(ctx); err != nil {
		return "", err
	}
	program = filepath.Join(w.dir, "mydocker")
	out, err := w.goCommand(ctx, "build", "-o", program, ".")
	if err != nil {
		var ended *exec.ExitError
		if bytes.Contains(out, []byte("fatal error: out of memory")) {
			return "", refuse("%s", say.T("it does not compile: the compiler wants more than 4 GB", "программа не компилируется: компилятору мало 4 ГБ"))
		}
		if errors.As(err, &ended) {
			return "", &Refusal{append([]string{say.T("it does not compile:", "программа не компилируется:")}, w.plainly(out)...)}
		}
		return "", err
	}
	return program, nil
}

// plainly are the compiler's words, with the student's names of the files, and without the
// trace of a compiler that has failed itself.
func (w *workshop) plainly(output []byte) []string {
	return (&lab.CompileError{Dir: w.src, Output: plain(string(output))}).Lines(w.name())
}

// imports holds what the submission's own packages import against what was taught.
func (w *workshop) imports(ctx context.Context) error {
	out, err := w.goCommand(ctx, "list", "-e", "-deps", "-json=Imports,Module,Name", ".")
	if err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			return &Refusal{w.plainly(out)}
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
	out, err := w.goCommand(ctx, "vet", ".")
	if err == nil {
		return nil
	}
	return w.plainly(bytes.ReplaceAll(out, []byte("vet: "), nil))
}
