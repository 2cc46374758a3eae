package stub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"mydocker.example/shared/course/internal/child"
)

// A Stub is a homework module: its files by name, and the tasks of its holes.
type Stub struct {
	Files map[string][]byte
	Tasks []string
}

// todo is the file that the holes call.
const todo = `package main

import "errors"

// todo is the error of a part of the homework that is not written yet.
func todo(what string) error { return errors.New("todo: " + what) }
`

// Generate makes the stub of the solution in dir. It does not write anything.
func Generate(ctx context.Context, dir string) (Stub, error) {
	s := Stub{Files: map[string][]byte{}}
	if err := s.copy(dir); err != nil {
		return s, err
	}
	if err := s.dig(ctx, dir); err != nil {
		return s, err
	}
	slices.Sort(s.Tasks)
	s.Tasks = slices.Compact(s.Tasks)
	if len(s.Tasks) > 0 {
		s.Files["todo.go"] = []byte(todo)
	}
	s.Files[manifest] = s.sums()
	return s, nil
}

// copy takes the files as they are. Tests stay behind: they would tell the answer.
func (s *Stub) copy(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case path != dir && strings.HasPrefix(d.Name(), "."), d.IsDir() && d.Name() == "testdata":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || strings.HasSuffix(d.Name(), "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".go" || name == "go.mod" {
			data = bytes.ReplaceAll(data, []byte("mydocker.example/solutions/"), []byte("mydocker.example/homework/"))
		}
		s.Files[name] = data
		return nil
	})
}

// dig empties the holes of every Go file.
func (s *Stub) dig(ctx context.Context, dir string) error {
	fset := token.NewFileSet()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Context: ctx, Dir: dir, Fset: fset, Env: append(child.Go(ctx).Env, "GOWORK=off"),
	}, "./...")
	if err != nil {
		return err
	}
	for _, pkg := range loaded {
		if len(pkg.Errors) > 0 {
			return fmt.Errorf("the solution does not compile: %w", pkg.Errors[0])
		}
		for _, file := range pkg.Syntax {
			path := fset.Position(file.Package).Filename
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out, tasks, err := dig(name, src, fset, file, pkg.TypesInfo)
			if err != nil {
				return err
			}
			if len(tasks) > 0 {
				s.Files[name] = out
				s.Tasks = append(s.Tasks, tasks...)
			}
		}
	}
	return nil
}

// names are the stub's files in order.
func (s Stub) names() []string {
	var names []string
	for name := range s.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// sums lists the files with their hashes, as sha256sum(1) prints them.
func (s Stub) sums() []byte {
	var b bytes.Buffer
	for _, name := range s.names() {
		if name == manifest {
			continue
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(s.Files[name]), name)
	}
	return b.Bytes()
}
