package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/leftover"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// A suite runs checks, two at a time where they come in a list, and counts them.
type suite struct {
	t      tree.Tree
	lesson string // only the checks with this lesson in their name; "" is all
	bench  grader.Bench

	mu             sync.Mutex
	passed, failed int
}

// A check is one thing that holds or does not; its error says all there is to say.
type check struct {
	name string
	run  func(ctx context.Context) error
}

// A stage is a part of the tests that a person may want alone: ONLY=matrix make test. LESSON=3 keeps those
// checks that are about one lesson.
type stage struct {
	name string
	run  func(s *suite, ctx context.Context) []check
	wide bool // two checks at a time, and no wait for the last one before the next wide stage
}

// stages go from what fails fast to what takes long.
var stages = []stage{
	{"static", (*suite).static, false},
	{"texts", (*suite).texts, false},
	{"imports", (*suite).imports, false},
	{"stubs", (*suite).stubs, true},
	{"lessons", (*suite).measuringDemos, false}, // each has the machine to itself
	{"host", (*suite).host, true},
	{"lab", (*suite).inLab, true},
	{"lessons", (*suite).otherDemos, true},
	{"offline", (*suite).offline, false},
	{"transcripts", (*suite).transcripts, true},
	{"matrix", (*suite).matrix, true},
	{"person", (*suite).person, false}, // each has the machine to itself: a person waits for answers
	{"class", (*suite).class, false},
}

// test tests the whole course and ends with how many checks passed and failed.
func test(ctx context.Context, t tree.Tree, _ []string) error {
	begin := time.Now()
	wanted, err := wantedStages()
	if err != nil {
		return err
	}
	lesson, err := wantedLesson(t)
	if err != nil {
		return err
	}
	s := &suite{t: t, lesson: lesson}
	s.bench.Start = func(ctx context.Context) (*vm.Guest, error) { return lab.Start(ctx, t, "") }
	before, err := leftover.Look(ctx, t)
	if err != nil {
		return err
	}
	defer before.Close()
	if _, err := lab.Image(ctx, t); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(stages), func(st stage) bool {
		return len(wanted) > 0 && !slices.Contains(wanted, st.name)
	})
	for len(rest) > 0 {
		n := 1
		for rest[0].wide && n < len(rest) && rest[n].wide {
			n++
		}
		s.run(ctx, rest[:n])
		rest = rest[n:]
	}
	s.bench.Close()
	s.one(ctx, "host", check{"nothing is left behind", before.Compare})
	fmt.Printf("%v\n%d passed, %d failed\n", time.Since(begin).Round(time.Second), s.passed, s.failed)
	if s.failed > 0 || s.passed == 0 {
		return exit(1)
	}
	return nil
}

func wantedStages() (wanted []string, err error) {
	for _, name := range strings.FieldsFunc(os.Getenv("ONLY"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.ContainsFunc(stages, func(s stage) bool { return s.name == name }) {
			var names []string
			for _, s := range stages {
				names = append(names, s.name)
			}
			return nil, fmt.Errorf("%q is no stage; there are %s", name, strings.Join(names, " "))
		}
		wanted = append(wanted, name)
	}
	os.Unsetenv("ONLY") // the lessons have one of their own
	return wanted, nil
}

// wantedLesson is the name of the one lesson to test: LESSON=3 make test.
func wantedLesson(t tree.Tree) (string, error) {
	number := os.Getenv("LESSON")
	if number == "" {
		return "", nil
	}
	l, err := t.Lesson(number)
	return l.Name, err
}

// run runs the checks of neighbouring stages that are wide, or of one that is not.
func (s *suite) run(ctx context.Context, stages []stage) {
	atOnce := 1
	if stages[0].wide {
		atOnce = 2
	}
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, stage := range stages {
		for _, c := range stage.run(s, ctx) {
			if !strings.Contains(c.name, s.lesson) {
				continue
			}
			places <- struct{}{}
			if ctx.Err() != nil {
				all.Wait()
				return
			}
			all.Go(func() {
				defer func() { <-places }()
				s.one(ctx, stage.name, c)
			})
		}
	}
	all.Wait()
}

// one runs a check and tells of it: a line when it passed, everything when it did not.
func (s *suite) one(ctx context.Context, stage string, c check) {
	begin := time.Now()
	err := c.run(ctx)
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(begin).Seconds()
	if err != nil {
		s.failed++
		fmt.Printf("FAIL  %s: %s (%.1f s)\n%s\n", stage, c.name, took, strings.TrimRight(err.Error(), "\n"))
		return
	}
	s.passed++
	fmt.Printf("ok    %s: %s (%.1f s)\n", stage, c.name, took)
}

// broken is a stage that could not even list its checks.
func broken(err error) []check {
	return []check{{"begin", func(context.Context) error { return err }}}
}
