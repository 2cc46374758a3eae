// Package tree knows the course's checkout: where it is, which lessons it has, and where
// what is built from it is kept.
package tree

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/hold"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/vm"
)

// A Tree is a checkout of the course.
type Tree struct {
	Root  string // the folder with go.work
	Build string // in the cache, outside the tree
}

// Find takes the tree from COURSE_TREE, which the Makefile sets, or looks for go.work from
// the working folder upwards.
func Find() (Tree, error) {
	root := os.Getenv("COURSE_TREE")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			return Tree{}, err
		}
		for root = dir; !exists(filepath.Join(root, "go.work")); root = filepath.Dir(root) {
			if root == filepath.Dir(root) {
				return Tree{}, fmt.Errorf("no go.work in %s or above it: this is not the course", dir)
			}
		}
	}
	build := os.Getenv("COURSE_BUILD")
	if build == "" {
		cache, err := vm.CacheDir()
		if err != nil {
			return Tree{}, err
		}
		build = filepath.Join(cache, "build", fmt.Sprintf("%x", sha256.Sum256([]byte(root)))[:12])
	}
	if err := os.MkdirAll(build, 0o755); err != nil {
		return Tree{}, err
	}
	sweep(build)
	return Tree{Root: root, Build: build}, nil
}

// sweep removes what runs that were killed have left in the folder of builds. A day is longer
// than any run takes; a workshop that nobody holds is nobody's at once, but for the moment
// between its making and its holding.
func sweep(build string) {
	for _, pattern := range []string{".new-*", "check-*", "diff-*", "bundle-*", "course.*"} {
		found, _ := filepath.Glob(filepath.Join(build, pattern))
		for _, path := range found {
			info, err := os.Stat(path)
			if err != nil {
				continue
			}
			age := time.Since(info.ModTime())
			if info.IsDir() && pattern == "check-*" && age > 10*time.Second {
				if release, err := hold.Dir(path); err == nil {
					os.RemoveAll(path)
					release()
				}
			} else if age > 24*time.Hour {
				os.RemoveAll(path)
			}
		}
	}
}

// Dir is a lesson's folder in lessons, homework or solutions.
func (t Tree) Dir(kind string, l Lesson) string { return filepath.Join(t.Root, kind, l.Name) }

// Path is a path below the root.
func (t Tree) Path(elem ...string) string {
	return filepath.Join(append([]string{t.Root}, elem...)...)
}

// Rel is how a person would name a path: below the root where it lies there.
func (t Tree) Rel(path string) string {
	rel, err := filepath.Rel(t.Root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}

// Lesson finds the lesson that a person means by "3" or "03".
func (t Tree) Lesson(arg string) (Lesson, error) {
	if n, err := strconv.ParseUint(arg, 10, 8); err == nil && n < uint64(len(Lessons)) {
		return Lessons[n], nil
	}
	var names []string
	for _, l := range Lessons {
		names = append(names, l.Name)
	}
	return Lesson{}, fmt.Errorf(say.T("%q is no lesson; there are %s", "%q — не урок; есть %s"), arg, strings.Join(names, " "))
}

// Written is true when the lesson has proofs, and is not only a place for them.
func (t Tree) Written(l Lesson) bool {
	text, err := os.ReadFile(filepath.Join(t.Dir("lessons", l), "README.md"))
	return err == nil && bytes.Contains(text, []byte("\n### Proof "))
}

// Solved is true when the lesson has a solution, of which homework can be made.
func (t Tree) Solved(l Lesson) bool {
	files, _ := filepath.Glob(filepath.Join(t.Dir("solutions", l), "*.go"))
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte("\t// homework: "))
	})
}

// Graded is true when the lesson has a homework that can be checked.
func (t Tree) Graded(l Lesson) bool {
	dir := t.Dir("lessons", l)
	return t.Solved(l) && exists(filepath.Join(dir, "HOMEWORK.md")) && exists(filepath.Join(dir, "homework_test.go"))
}

// NotWritten says so.
func NotWritten(l Lesson) error {
	return fmt.Errorf(say.T("lesson %s is not written yet", "урок %s ещё не написан"), l.Name)
}

// WrittenLessons are the lessons whose texts are there.
func (t Tree) WrittenLessons() (ls []Lesson) {
	for _, l := range Lessons {
		if t.Written(l) {
			ls = append(ls, l)
		}
	}
	return ls
}

// Newest is the last lesson whose solution is a mydocker. Lesson 00 builds none.
func (t Tree) Newest() (Lesson, error) {
	for i := len(Lessons) - 1; i > 0; i-- {
		if t.Solved(Lessons[i]) {
			return Lessons[i], nil
		}
	}
	return Lesson{}, errors.New(say.T("there is no solution yet", "решений пока нет"))
}

// Modules are the folders of all modules, in the order of go.work's kinds.
func (t Tree) Modules() []string {
	dirs := []string{"vm", "shared", "shared/course"}
	for _, kind := range []string{"lessons", "solutions", "homework"} {
		for _, l := range Lessons {
			dirs = append(dirs, kind+"/"+l.Name)
		}
	}
	return dirs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
