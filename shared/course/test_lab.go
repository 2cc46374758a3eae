package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

const labtest = "mydocker.example/shared/labtest"

// inLab runs the tests that need a kernel of their own: those of packages whose tests
// import labtest. Each gets a guest in its first state, root, and its own folder.
func (s *suite) inLab(ctx context.Context) (checks []check) {
	for _, dir := range s.modules() {
		packages, err := s.list(ctx, dir)
		if err != nil {
			return broken(err)
		}
		for _, p := range packages {
			if p.ImportPath == labtest || slices.Contains(p.TestImports, labtest) || slices.Contains(p.XTestImports, labtest) {
				checks = append(checks, check{s.t.Rel(p.Dir), func(ctx context.Context) error { return s.packageInLab(ctx, p.Dir) }})
			}
		}
	}
	return checks
}

var skipped = regexp.MustCompile(`(?m)^(.*)\n\s*--- SKIP: (\S+)`)

// skips are the tests that were skipped in the lab. One that starts labs itself may be: the
// lab has none inside, and the host has run it.
func skips(output string) (names []string) {
	for _, m := range skipped.FindAllStringSubmatch(output, -1) {
		if !strings.Contains(m[1], vm.ErrNoImage.Error()) {
			names = append(names, m[2]+strings.TrimRight(" "+m[1], " "))
		}
	}
	return names
}

func (s *suite) packageInLab(ctx context.Context, dir string) error {
	desk, err := os.MkdirTemp("", "lab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(desk)
	program := filepath.Join(desk, "package.test")
	if err := lab.BuildTest(ctx, dir, program); err != nil {
		return err
	}
	g, err := lab.Start(ctx, s.t, s.t.Root)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := g.PutFile(ctx, "/lab/bin/package.test", 0o755, program); err != nil {
		return err
	}
	var out bytes.Buffer
	code, err := g.Run(ctx, vm.Cmd{
		// The checks of a homework want a submission: the matrix has them.
		Argv:   []string{"/lab/bin/package.test", "-test.v", "-test.timeout=0", "-test.skip=^TestHomework$"},
		Dir:    filepath.Join("/course", s.t.Rel(dir)),
		Stdout: &out, Stderr: &out, Timeout: 5 * time.Minute,
	})
	switch found := skips(out.String()); {
	case err != nil:
		return fmt.Errorf("%w\n%s", err, &out)
	case code != 0:
		return fmt.Errorf("exit code %d\n%s", code, &out)
	case len(found) > 0:
		return fmt.Errorf("in the lab a skip is a failure:\n%s", strings.Join(found, "\n"))
	}
	return nil
}

func (s *suite) measuringDemos(context.Context) []check { return s.demos(true) }
func (s *suite) otherDemos(context.Context) []check     { return s.demos(false) }

// inRussian names the lessons whose tests, in the stage lab, have each proof run as a lesson
// in Russian, under the leak detector, and the proofs that those cannot run: what is left to
// be proved in that language here.
var inRussian = map[int]string{2: "", 5: "rootless", 6: ""}

// demos proves every claim of the lessons that measure, or of the others, in each language.
// Those that measure take minutes alone, and the language changes nothing in them but words,
// which the texts stage compares: they run in the caller's.
func (s *suite) demos(measuring bool) (checks []check) {
	for _, l := range s.t.WrittenLessons() {
		if l.Measures() != measuring {
			continue
		}
		add := func(lang, only string) {
			checks = append(checks, check{strings.TrimSpace(l.Name + " " + lang + " " + only), func(ctx context.Context) error {
				return s.demo(ctx, l, "COURSE_LANG="+lang, "ONLY="+only)
			}})
		}
		if measuring {
			add(prose.Lang(), "")
			continue
		}
		add("en", "")
		if only, ok := inRussian[l.Number]; !ok || only != "" {
			add("ru", only)
		}
	}
	return checks
}

func (s *suite) demo(ctx context.Context, l tree.Lesson, settings ...string) error {
	program := filepath.Join(s.t.Build, "lesson-"+l.Name)
	if err := lab.Build(ctx, s.t.Dir("lessons", l), program); err != nil {
		return err
	}
	env, err := mydockerFor(ctx, s.t, l)
	if err != nil {
		return err
	}
	cmd := child.Command(ctx, program)
	cmd.Env = slices.Concat(cmd.Env, settings, env)
	return silent(cmd)
}

// transcripts holds the shell blocks of the lessons against what the lab prints.
func (s *suite) transcripts(context.Context) (checks []check) {
	for _, l := range s.t.WrittenLessons() {
		checks = append(checks, check{l.Name, func(ctx context.Context) error {
			differences, _, err := transcribe(ctx, s.t, l, false)
			if err == nil && len(differences) > 0 {
				err = fmt.Errorf("%s", strings.Join(differences, "\n"))
			}
			return err
		}})
	}
	return checks
}
