package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mydocker.example/shared/course/internal/carry"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
)

// start begins a homework: from the stub as it is, which stands on the solution of the lesson
// before, or with FROM=mine on the student's own. A homework that was begun is left alone.
func start(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Graded(l) {
		return fmt.Errorf(say.T("the homework of lesson %s is not written yet", "домашнее задание урока %s ещё не написано"), l.Name)
	}
	next, err := stub.Generate(ctx, t.Dir("solutions", l))
	if err != nil {
		return err
	}
	dir := t.Dir("homework", l)
	begun, err := own(next, dir)
	if err != nil {
		return err
	}
	switch from := os.Getenv("FROM"); {
	case len(begun) > 0:
		return fmt.Errorf(say.T("%s is begun already (yours: %s) and is left alone; go on with make watch-%02d, or make reset-%02[3]d puts your work aside and begins again",
			"%s уже начато (ваши файлы: %s) и не тронуто; продолжайте с make watch-%02d, или make reset-%02[3]d отложит вашу работу и начнёт заново"), t.Rel(dir), strings.Join(begun, ", "), l.Number)
	case from == "mine":
		if err := carryOver(ctx, t, l, next); err != nil {
			return err
		}
	case from != "":
		return fmt.Errorf(say.T("FROM=%s: only FROM=mine is known; without it the homework stands on the solution of the lesson before",
			"FROM=%s: бывает только FROM=mine; без него задание стоит на решении предыдущего урока"), from)
	default:
		if _, err := next.Write(dir); err != nil {
			return err
		}
		if before, ok := l.Previous(); ok && before.Number > 0 {
			fmt.Println(say.Hang("", fmt.Sprintf(say.T("%s stands on the course's solution of lesson %02d; FROM=mine make start-%02d puts your own there",
				"%s стоит на решении курса к уроку %02d; FROM=mine make start-%02d возьмёт ваше"), t.Rel(dir), before.Number, l.Number)))
		}
	}
	return tellTasks(t, l)
}

// there says so when a homework has no program at all: somebody has moved it away.
func there(t tree.Tree, l tree.Lesson) error {
	files, err := sources(t.Dir("homework", l))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf(say.T("there is no program in %s; make start-%02d puts one there", "в %s нет программы; её положит туда make start-%02d"), t.Rel(t.Dir("homework", l)), l.Number)
	}
	return err
}

// own lists what in a homework's folder is the student's: edited files, and further ones.
func own(s stub.Stub, dir string) ([]string, error) {
	names, err := s.Edited(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		// What begins with a dot is no source: an editor's lock (.#main.go).
		if _, generated := s.Files[e.Name()]; !generated && filepath.Ext(e.Name()) == ".go" && e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// carryOver builds homework/NN on the student's homework of the lesson before.
func carryOver(ctx context.Context, t tree.Tree, l tree.Lesson, next stub.Stub) error {
	before, ok := l.Previous()
	if !ok || before.Number == 0 {
		return errors.New(say.T("mydocker begins in lesson 01: there is nothing of yours to carry over", "mydocker начинается в уроке 01: переносить ещё нечего"))
	}
	base, err := stub.Filled(t.Dir("solutions", before))
	if err != nil {
		return err
	}
	mine, err := written(ctx, t, before)
	if err != nil {
		return err
	}
	if len(mine) == 0 {
		return fmt.Errorf(say.T("%s is not begun: there is nothing of yours to carry over; make start-%02d stands on the course's solution",
			"%s ещё не начато: переносить нечего; make start-%02d стоит на решении курса"), t.Rel(t.Dir("homework", before)), l.Number)
	}
	result, err := carry.Merge(ctx, onlyGo(base), mine, onlyGo(next.Files))
	if err != nil {
		return err
	}
	dir := t.Dir("homework", l)
	if _, err := next.Write(dir); err != nil {
		return err
	}
	for name, text := range result.Files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	aside := slices.Concat(result.Names(carry.Conflict), result.Names(carry.Gone))
	for _, name := range aside {
		path := filepath.Join(dir, ".mine", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, mine[name], 0o644)); err != nil {
			return err
		}
	}
	tellFate(t, l, result)
	return tryBuild(ctx, t, l)
}

// written are the files of a homework that the student has written. Those with holes that
// nobody has touched stay behind: the next homework has the solution's in their place.
func written(ctx context.Context, t tree.Tree, l tree.Lesson) (carry.Files, error) {
	made, err := stub.Generate(ctx, t.Dir("solutions", l))
	if err != nil {
		return nil, err
	}
	names, err := own(made, t.Dir("homework", l))
	if err != nil {
		return nil, err
	}
	all, err := sources(t.Dir("homework", l))
	if err != nil {
		return nil, err
	}
	mine := carry.Files{}
	for _, name := range names {
		if text, ok := all[name]; ok && name != "todo.go" { // what is edited may be go.mod, too
			mine[name] = text
		}
	}
	return mine, nil
}

// tellFate is the honest word: what is the student's now, and what is not.
func tellFate(t tree.Tree, l tree.Lesson, r carry.Result) {
	aside := t.Rel(filepath.Join(t.Dir("homework", l), ".mine"))
	if names := unfinished(r); len(names) > 0 {
		fmt.Println(say.Hang("", fmt.Sprintf(say.T("yours, and with holes of the lesson before, which this one needs filled: %s", "ваши, но с дырами прошлого урока, а здесь они нужны заполненными: %s"), strings.Join(names, ", "))))
	}
	for _, line := range []struct{ fate, en, ru string }{
		{carry.Carried, "yours, with what this lesson changes: %s", "ваши, с изменениями этого урока: %s"},
		{carry.Own, "yours alone: %s", "только ваши: %s"},
		{carry.Conflict, "both you and the lesson changed the same lines; the lesson's is used, yours is in " + aside + ": %s",
			"и вы, и урок изменили одни и те же строки; взят файл урока, ваш лежит в " + aside + ": %s"},
		{carry.Gone, "now a library in shared/, which does what yours did; yours is in " + aside + ": %s",
			"теперь это библиотека в shared/, она делает то же; ваш лежит в " + aside + ": %s"},
	} {
		if names := r.Names(line.fate); len(names) > 0 {
			fmt.Println(say.Hang("", fmt.Sprintf(say.T(line.en, line.ru), strings.Join(names, ", "))))
		}
	}
}

// unfinished are the student's files in which a hole of the lesson before has come along.
func unfinished(r carry.Result) (names []string) {
	for _, name := range slices.Concat(r.Names(carry.Carried), r.Names(carry.Own)) {
		if r.Holes[name] {
			names = append(names, name)
		}
	}
	return names
}

// tryBuild says whether the two fit together. If they do not, the mending is the student's:
// they know their own code.
func tryBuild(ctx context.Context, t tree.Tree, l tree.Lesson) error {
	dir := t.Dir("homework", l)
	err := lab.BuildAlone(ctx, dir, filepath.Join(t.Build, "start-"+l.Name))
	var compile *lab.CompileError
	if !errors.As(err, &compile) {
		return err
	}
	fmt.Println(say.T("it does not compile yet; what yours and the lesson's disagree on:", "пока не компилируется; вот в чём ваше и урок расходятся:"))
	for _, line := range compile.Lines(t.Rel(dir)) {
		fmt.Println("  " + line)
	}
	return nil
}

// tellTasks lists what there is to do.
func tellTasks(t tree.Tree, l tree.Lesson) error {
	path := filepath.Join(t.Dir("lessons", l), prose.File("HOMEWORK.md", prose.Lang()))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sections, err := prose.Parse(text)
	if err != nil {
		return err
	}
	fmt.Printf(say.T("yours:  %s\n", "ваше:    %s\n"), t.Rel(t.Dir("homework", l)))
	fmt.Printf(say.T("tasks:  %s\n", "задания: %s\n"), t.Rel(path))
	for _, s := range sections {
		if s.Kind == "task" {
			fmt.Println(say.Hang(fmt.Sprintf("  %s %-12s %3d  ", s.Number, s.ID, s.Points), s.Title))
		}
	}
	fmt.Printf(say.T("make watch-%02d checks on every save, make check-%02[1]d once\n", "make watch-%02d проверяет при каждом сохранении, make check-%02[1]d — один раз\n"), l.Number)
	return nil
}

// sources are the Go files of a student's folder.
func sources(dir string) (carry.Files, error) {
	files := carry.Files{}
	paths, err := filepath.Glob(filepath.Join(dir, "[^.]*.go")) // without an editor's lock
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// onlyGo leaves out what is no source: go.mod and the stub's manifest are the course's.
func onlyGo(all map[string][]byte) carry.Files {
	files := carry.Files{}
	for name, text := range all {
		if filepath.Ext(name) == ".go" {
			files[name] = text
		}
	}
	return files
}
