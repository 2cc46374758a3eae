// Package carry takes a student's own mydocker from one homework to the next. The next one
// begins with the solution's files; where the student wrote something else, theirs is to be
// kept, and what the new lesson changes is to be there too: a merge of three, file by file.
//
//	the solution of the lesson before ──┬── what the student wrote instead
//	                                    └── what the new homework makes of it
package carry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"mydocker.example/shared/course/internal/child"
)

// Files are a program's sources by name.
type Files map[string][]byte

// What became of a file.
const (
	Same     = "same"     // the student's is the solution's
	Carried  = "carried"  // the student's, with the lesson's changes
	Conflict = "conflict" // both changed the same lines: the lesson's stands, the student's is put beside
	Gone     = "gone"     // the lesson has no such file any more: it is in shared/ now
	Own      = "own"      // a file that only the student has
)

// A Result is the next homework, and what became of each file of the student's.
type Result struct {
	Files Files
	Fate  map[string]string // by name, for the files that the student had
	Holes map[string]bool   // those of the student's that still say todo
}

// Merge makes the next homework. base is the solution of the lesson before, mine the
// student's homework of it, next the stub of the new lesson.
func Merge(ctx context.Context, base, mine, next Files) (Result, error) {
	r := Result{Files: Files{}, Fate: map[string]string{}, Holes: map[string]bool{}}
	for name, text := range next {
		r.Files[name] = text
	}
	for name, text := range mine {
		r.Holes[name] = bytes.Contains(text, []byte("todo(\""))
		old, known := base[name]
		stub, stays := next[name]
		switch {
		case known && bytes.Equal(text, old):
			r.Fate[name] = Same
		case !known && !stays:
			r.Files[name], r.Fate[name] = text, Own
		case !known: // both have a new file of that name
			r.Fate[name] = Conflict
		case !stays:
			r.Fate[name] = Gone
		default:
			merged, clean, err := merge(ctx, text, old, stub)
			if err != nil {
				return Result{}, err
			}
			r.Fate[name] = Conflict
			if clean {
				r.Files[name], r.Fate[name] = merged, Carried
			}
		}
	}
	return r, nil
}

// Names are the files of one fate, sorted.
func (r Result) Names(fate string) (names []string) {
	for name, f := range r.Fate {
		if f == fate {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// merge is git merge-file: diff3's algorithm, and git is there wherever the course was cloned.
func merge(ctx context.Context, mine, base, next []byte) (merged []byte, clean bool, err error) {
	dir, err := os.MkdirTemp("", "carry-")
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string][]byte{"mine": mine, "base": base, "next": next} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, false, err
		}
	}
	cmd := child.Command(ctx, "git", "merge-file", "--stdout", "--quiet", "mine", "base", "next")
	cmd.Dir = dir
	merged, err = cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() > 0 && ended.ExitCode() < 128 { // so many conflicts
		return nil, false, nil
	}
	return merged, err == nil, err
}
