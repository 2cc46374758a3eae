package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/taught"
	"mydocker.example/shared/course/internal/tree"
)

// A goPackage is what go list says of a package.
type goPackage struct {
	ImportPath, Dir           string
	Imports                   []string
	TestImports, XTestImports []string
}

// list asks the go command for the packages of a module.
func (s *suite) list(ctx context.Context, dir string) (all []goPackage, err error) {
	cmd := child.Go(ctx, "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = s.t.Path(dir)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// imports holds lessons, solutions and the library against the table of what is taught when.
func (s *suite) imports(context.Context) (checks []check) {
	for _, kind := range []string{"lessons", "solutions"} {
		for _, l := range tree.Lessons {
			dir := kind + "/" + l.Name
			checks = append(checks, check{dir, func(ctx context.Context) error { return s.lessonImports(ctx, dir, kind, l) }})
		}
	}
	return append(checks, check{"shared", s.sharedImports})
}

func (s *suite) lessonImports(ctx context.Context, dir, kind string, l tree.Lesson) error {
	lesson := l.Number
	if kind == "solutions" && lesson == len(tree.Lessons)-1 {
		lesson++ // no lesson comes after it: its solution may use what it teaches
	}
	packages, err := s.list(ctx, dir)
	if err != nil {
		return err
	}
	for _, p := range packages {
		for _, r := range taught.Refused(lesson, p.Imports) {
			if kind == "lessons" && r.Package == "mydocker.example/vm" {
				continue // a lesson may show the lab itself; mydocker may not
			}
			return fmt.Errorf("%s imports %s (first lesson that may: %d)", p.ImportPath, r.Package, r.From)
		}
	}
	return nil
}

// sharedImports: every package stands in the table; mechanisms do not import one another, but
// may undo what they did and write down what they would do; nothing imports a lesson.
func (s *suite) sharedImports(ctx context.Context) error {
	packages, err := s.list(ctx, "shared")
	if err != nil {
		return err
	}
	for _, p := range packages {
		name, _, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, "mydocker.example/shared/"), "/")
		if name != "internal" && !slices.Contains(taught.Known(), name) {
			return fmt.Errorf("%s does not stand in the table of package taught", p.ImportPath)
		}
		for _, path := range p.Imports {
			other, ours := strings.CutPrefix(path, "mydocker.example/shared/")
			switch {
			case !ours && strings.HasPrefix(path, "mydocker.example/") && path != "mydocker.example/vm":
				return fmt.Errorf("%s imports %s", p.ImportPath, path)
			case ours && taught.Mechanism(name) && !slices.Contains([]string{name, "undo", "join"}, other):
				return fmt.Errorf("%s is a mechanism and imports %s", p.ImportPath, path)
			}
		}
	}
	return nil
}
