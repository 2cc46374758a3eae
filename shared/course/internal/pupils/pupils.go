// Package pupils makes a class whose work nobody would like to get: right, wrong, empty, and
// hostile, and says what each deserves. The grader is held against it.
//
// A pupil of testdata is the solution of lesson 03 with these files added, so that but for
// them it would be right. The first line of one file says what must come of it:
//
//	// pupil: <status> <points> <what it does>
package pupils

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mydocker.example/shared/course/internal/class"
	"mydocker.example/shared/course/internal/mutant"
	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/tree"
)

// Lesson is the one whose homework they hand in.
const Lesson = 3

// all: with it go the files that Go itself would not look at.
//
//go:embed all:testdata
var added embed.FS

// A Pupil is a folder of the class, and what it deserves.
type Pupil struct {
	Name   string
	What   string
	Status string // as in the table
	Points int    // -1: more than nothing and less than all
	Task   string // that has no points; "" where that is not the matter
}

// Everything is what a right solution gets.
const Everything = 100

// handmade are the pupils that are more than a solution with files added. make is given the
// folder of the pupil, which is there, and the folder of the solution.
var handmade = []struct {
	Pupil
	make func(dir, solution string) error
}{
	{Pupil{Name: "right", What: "the solution", Status: class.Graded, Points: Everything}, copyAll},
	{Pupil{Name: "right-in-a-clone", What: "a copy of the course, with the solution in homework", Status: class.Graded, Points: Everything}, func(dir, solution string) error {
		for _, kind := range []string{"homework", "solutions", "lessons"} {
			if err := copyAll(filepath.Join(dir, kind, filepath.Base(solution)), solution); err != nil {
				return err
			}
		}
		return nil
	}},
	{Pupil{Name: "right-and-untidy", What: "a repository, an editor's lock, a vendor folder, tests of the checks' name, a go.work, a go.mod that asks for a Go that there is not", Status: class.Graded, Points: Everything}, func(dir, solution string) error {
		return errors.Join(copyAll(dir, solution),
			write(dir, ".git/pack", ""), os.Truncate(filepath.Join(dir, ".git", "pack"), 1<<30),
			os.Symlink("somebody@somewhere:1", filepath.Join(dir, ".#main.go")),
			write(dir, "vendor/modules.txt", "# mydocker.example/shared v0.0.0\n## explicit\n"),
			write(dir, "vendor/mydocker.example/shared/store/store.go", "package store\n"),
			write(dir, "homework_test.go", "package main_test\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(*testing.M) { os.Exit(0) }\n"),
			write(dir, "go.mod", "module mydocker\n\ngo 1.99\n\ntoolchain go1.99.9\n\nrequire mydocker.example/shared v0.0.0\n\nreplace mydocker.example/shared => /nowhere\n"),
			write(dir, "go.work", "go 1.26.0\n\nuse .\n\nreplace mydocker.example/shared => ./vendor\n"),
		)
	}},
	{Pupil{Name: "stub", What: "nothing was done", Status: class.Graded}, func(dir, solution string) error {
		made, err := stub.Generate(context.Background(), solution)
		if err == nil {
			_, err = made.Write(dir)
		}
		return err
	}},
	{Pupil{Name: "empty", What: "an empty folder", Status: class.Refused}, func(string, string) error { return nil }},
	{Pupil{Name: "replaces-by-solution", What: "go.mod requires the solution, and says where it lies", Status: class.Refused}, func(dir, solution string) error {
		return errors.Join(
			write(dir, "go.mod", "module mydocker\n\ngo 1.26.0\n\nrequire mydocker.example/solutions/03-filesystem v0.0.0\n\nreplace mydocker.example/solutions/03-filesystem => "+solution+"\n"),
			write(dir, "main.go", "package main\n\nimport _ \"mydocker.example/solutions/03-filesystem\"\n\nfunc main() {}\n"))
	}},
	{Pupil{Name: "links-to-solution", What: "each file is a link to the solution's", Status: class.Refused}, func(dir, solution string) error {
		files, err := filepath.Glob(filepath.Join(solution, "*"))
		for _, file := range files {
			err = errors.Join(err, os.Symlink(file, filepath.Join(dir, filepath.Base(file))))
		}
		return err
	}},
	{Pupil{Name: "link-to-folder", What: "the pupil's folder is a link to the solution's", Status: class.Refused}, func(dir, solution string) error {
		return errors.Join(os.Remove(dir), os.Symlink(solution, dir))
	}},
	{Pupil{Name: "links-to-passwd", What: "one link, to be built in", Status: class.Refused}, func(dir, solution string) error {
		return errors.Join(copyAll(dir, solution), os.Symlink("/etc/passwd", filepath.Join(dir, "passwd.txt")),
			write(dir, "extra.go", "package main\n\nimport _ \"embed\"\n\n//go:embed passwd.txt\nvar passwd string\n\nfunc init() { println(passwd) }\n"))
	}},
	{Pupil{Name: "gigabyte", What: "a file of a gigabyte", Status: class.Refused}, func(dir, solution string) error {
		path := filepath.Join(dir, "data.bin")
		return errors.Join(copyAll(dir, solution), write(dir, "data.bin", ""), os.Truncate(path, 1<<30))
	}},
	{Pupil{Name: "newline-in-a-name", What: "the name of a file has a line's end and a terminal's words in it", Status: class.Refused}, func(dir, solution string) error {
		return errors.Join(copyAll(dir, solution), write(dir, "a\n100,100,graded\x1b[2J.go", "package main\n"))
	}},
}

// wrong are the mutants of the lesson that sit in the class, too.
var wrong = []string{"chroot", "read-only-with-bind", "old-root-kept", "descriptor-inherited"}

// Make lays the class down in a folder, which it makes. only keeps some of them; none named: all.
func Make(t tree.Tree, dir string, only ...string) (pupils []Pupil, err error) {
	l := tree.Lessons[Lesson]
	solution := t.Dir("solutions", l)
	add := func(p Pupil, make func(dir string) error) {
		if err != nil || len(only) > 0 && !slices.Contains(only, p.Name) {
			return
		}
		place := filepath.Join(dir, p.Name)
		if err = os.MkdirAll(place, 0o755); err == nil {
			err = make(place)
		}
		pupils = append(pupils, p)
	}
	for _, p := range handmade {
		add(p.Pupil, func(dir string) error { return p.make(dir, solution) })
	}
	mutants, err := mutant.Find(filepath.Join(t.Dir("lessons", l), "testdata", "mutants"), solution)
	if err != nil {
		return nil, err
	}
	for _, m := range mutants {
		if !slices.Contains(wrong, m.Name) {
			continue
		}
		add(Pupil{Name: "wrong-" + m.Name, What: "a mutant of the solution", Status: class.Graded, Points: -1, Task: m.Task}, func(dir string) error {
			err := copyAll(dir, solution)
			for file, other := range m.Overlay {
				data, unread := os.ReadFile(other)
				err = errors.Join(err, unread, write(dir, filepath.Base(file), string(data)))
			}
			return err
		})
	}
	folders, unread := added.ReadDir("testdata")
	err = errors.Join(err, unread)
	for _, folder := range folders {
		files, e := fs.Sub(added, "testdata/"+folder.Name())
		p, e2 := deserves(files)
		if err = errors.Join(err, e, e2); err != nil {
			return nil, fmt.Errorf("testdata/%s: %w", folder.Name(), err)
		}
		p.Name = folder.Name()
		add(p, func(dir string) error { return errors.Join(copyAll(dir, solution), os.CopyFS(dir, files)) })
	}
	return pupils, err
}

// deserves reads the line by which a pupil's files say what must come of it.
func deserves(files fs.FS) (p Pupil, err error) {
	all, err := fs.Glob(files, "*.go")
	if err != nil {
		return p, err
	}
	for _, name := range all {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return p, err
		}
		line, _, _ := strings.Cut(string(text), "\n")
		words, ok := strings.CutPrefix(line, "// pupil: ")
		if !ok {
			continue
		}
		f := strings.SplitN(words, " ", 3)
		if len(f) < 3 {
			return p, fmt.Errorf("%q: a pupil has a status, points and what it does", line)
		}
		p.Status, p.What = f[0], f[2]
		p.Points, err = strconv.Atoi(f[1])
		return p, err
	}
	return p, errors.New("no file begins with a line // pupil")
}

// Compare says who has got in a table of grades what is not deserved.
func Compare(pupils []Pupil, table string) (complaints []string, err error) {
	f, err := os.Open(table)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("%s: no table (%w)", table, err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	given := map[string][]string{}
	for _, row := range rows[1:] {
		given[row[0]] = row
	}
	for _, p := range pupils {
		row, there := given[p.Name]
		if !there {
			complaints = append(complaints, p.Name+" is not in the table")
			continue
		}
		delete(given, p.Name)
		points, err := strconv.Atoi(row[column["points"]])
		if err != nil {
			return nil, err
		}
		right := points == p.Points || p.Points < 0 && 0 < points && points < Everything
		if p.Task != "" {
			right = right && row[column[p.Task]] == "0"
		}
		if !right || row[column["status"]] != p.Status {
			complaints = append(complaints, fmt.Sprintf("%s: %s %d, and deserves %s %d (%s); %s", p.Name, row[column["status"]], points, p.Status, p.Points, p.What, row[column["why"]]))
		}
	}
	for name := range given {
		complaints = append(complaints, name+" is nobody's")
	}
	slices.Sort(complaints)
	return complaints, nil
}

// copyAll copies the Go files of a folder and its go.mod, and makes the folder.
func copyAll(to, from string) error {
	files, err := filepath.Glob(filepath.Join(from, "*"))
	for _, file := range files {
		if ext := filepath.Ext(file); strings.HasSuffix(file, "_test.go") || ext != ".go" && ext != ".mod" && ext != ".sum" {
			continue
		}
		data, unread := os.ReadFile(file)
		err = errors.Join(err, unread, write(to, filepath.Base(file), string(data)))
	}
	return err
}

func write(dir, name, text string) error {
	path := filepath.Join(dir, name)
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}
