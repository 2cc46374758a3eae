// Package class is what grading a group takes beside the grading: whose work lies where, what
// was graded already, and the tables that come out of it.
package class

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/say"
)

// A Work is what one student has handed in.
type Work struct {
	Name  string // the folder's
	Dir   string // where the program is
	Fault string // why there is none, for people; then Dir is ""
}

// deepest is how far below a student's folder the program may lie: an archive that was
// unpacked has a folder or two around it.
const deepest = 3

// Find lists the works in dir, by name: each of its folders is a student's. In it lies the
// program, or a copy of the whole course with the program in homework/NN-name.
func Find(dir, lesson string) ([]Work, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var works []Work
	for _, e := range entries {
		link := e.Type()&fs.ModeSymlink != 0
		if !e.IsDir() && !link || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		w := Work{Name: e.Name()}
		root := filepath.Join(dir, e.Name())
		if link { // whose work is that?
			w.Fault = say.T("a link, and no folder", "ссылка, а не каталог")
			works = append(works, w)
			continue
		}
		if w.Dir, err = program(root, lesson); err != nil {
			w.Fault = err.Error()
		}
		works = append(works, w)
	}
	return works, nil
}

// program finds the one folder with the sources.
func program(root, lesson string) (string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || strings.Count(rel, string(filepath.Separator)) >= deepest) {
			return fs.SkipDir
		}
		if goFiles, _ := filepath.Glob(filepath.Join(escape(path), "*.go")); len(goFiles) > 0 {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	named := slices.DeleteFunc(slices.Clone(found), func(path string) bool {
		return !strings.HasSuffix(filepath.ToSlash(path), "homework/"+lesson) && filepath.Base(path) != lesson
	})
	// A copy of the course has a folder of that name in lessons/ and solutions/, too.
	homework := slices.DeleteFunc(slices.Clone(named), func(path string) bool {
		return !strings.HasSuffix(filepath.ToSlash(path), "homework/"+lesson)
	})
	for _, candidates := range [][]string{homework, named, found} {
		if len(candidates) == 1 {
			return candidates[0], nil
		}
	}
	if len(found) == 0 {
		return "", errors.New(say.T("no Go files in it", "в нём нет файлов на Go"))
	}
	return "", fmt.Errorf(say.T("several programs in it, and not one folder %s", "в нём несколько программ и нет одного каталога %s"), lesson)
}

// escape keeps a name with brackets in it from being a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// Sum is a work's sum: other sources have another one.
func Sum(dir string) (string, error) {
	h := sha256.New()
	err := grader.Each(dir, func(rel string, content []byte) error {
		_, err := fmt.Fprintf(h, "%q %d\n%s", rel, len(content), content)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
