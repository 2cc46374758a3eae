package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/course/internal/class"
	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// gradeClass grades every folder in DIR, each in a guest of its own, and writes a row for
// each to OUT. Beside OUT lies a folder with a report for each; what is in there and has not
// changed since is not graded again, so a run that was cut off goes on where it was.
func gradeClass(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Graded(l) {
		return fmt.Errorf(say.T("the homework of lesson %s is not written yet", "домашнее задание урока %s ещё не написано"), l.Name)
	}
	c := &classroom{t: t, l: l}
	if err := c.settings(); err != nil {
		return err
	}
	works, err := class.Find(c.dir, l.Name)
	if err != nil {
		return fmt.Errorf(say.T("DIR=%s: %w; DIR is the folder in which each student has one", "DIR=%s: %w; DIR — каталог, в котором у каждого студента свой"), os.Getenv("DIR"), err)
	}
	if len(works) == 0 {
		return fmt.Errorf(say.T("there are no folders in %s; each student's is one", "в %s нет каталогов; у каждого студента свой"), c.dir)
	}
	if c.test, err = grader.BuildTest(ctx, t, l); err != nil {
		return err
	}
	if c.tasks, err = grader.Tasks(t, l); err != nil {
		return err
	}
	if c.points, err = grader.Points(t, l); err != nil {
		return err
	}
	if c.against, err = fileSum(c.test); err != nil {
		return err
	}
	unlock, err := class.Lock(c.reports)
	if err != nil {
		return err
	}
	defer unlock()
	if err := class.Sweep(c.reports); err != nil {
		return err
	}
	if _, err := lab.Image(ctx, t); err != nil { // once, and not in each worker
		return err
	}
	return c.grade(ctx, works)
}

// A classroom is one run over a group.
type classroom struct {
	t            tree.Tree
	l            tree.Lesson
	dir          string // the submissions
	out, reports string // the table, and the folder beside it
	jobs         int
	limit        time.Duration // for one submission, of a machine that is not emulated
	test         string        // the checks, built
	against      string        // their sum
	tasks        []string
	points       int // of all tasks

	mu      sync.Mutex
	records []class.Record
	shown   *progressBar
}

func (c *classroom) settings() (err error) {
	if c.dir = os.Getenv("DIR"); c.dir == "" {
		return errors.New(say.T("where is the work? make grade-03 DIR=submissions OUT=grades.csv", "где работы? make grade-03 DIR=submissions OUT=grades.csv"))
	}
	if c.out = os.Getenv("OUT"); c.out == "" {
		c.out = "grades-" + c.l.Name + ".csv"
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if c.out, err = filepath.Abs(c.out); err != nil {
		return err
	}
	c.reports = strings.TrimSuffix(c.out, filepath.Ext(c.out)) + ".reports"
	// A guest has one processor for itself; more at once would only time one another out.
	if c.jobs, err = number("JOBS", max(1, runtime.NumCPU())); err != nil {
		return err
	}
	seconds, err := number("TIMEOUT", 120)
	c.limit = time.Duration(seconds) * time.Second
	return err
}

// number reads a variable that is a number above zero.
func number(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf(say.T("%s=%s: a whole number above 0 is wanted", "%s=%s: нужно целое число больше 0"), name, text)
	}
	return n, nil
}

// grade has jobs workers take one work after another.
func (c *classroom) grade(ctx context.Context, works []class.Work) error {
	c.records, c.shown = make([]class.Record, len(works)), newProgressBar(len(works))
	defer c.shown.close()
	var all sync.WaitGroup
	next := make(chan int)
	for range c.jobs {
		all.Go(func() {
			for i := range next {
				c.one(ctx, works[i], i)
			}
		})
	}
	for i := range works {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
	c.shown.close()
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, say.T("%d of %d are graded; the same command goes on from there\n", "проверено %d из %d; та же команда продолжит отсюда\n"), c.shown.done, len(works))
		return ctx.Err()
	}
	if err := class.Table(c.out, c.tasks, c.records); err != nil {
		return err
	}
	fmt.Print(summary(c.records, c.tasks, time.Since(c.shown.begun)))
	fmt.Printf(say.T("%s; a report for each in %s\n", "%s; отчёты — в %s\n"), c.out, c.reports)
	if broken := namesOf(c.records, grader.Broken); len(broken) > 0 {
		return fmt.Errorf(say.T("the course's own checks failed for %s; run it again", "сами проверки курса не сработали для %s; запустите ещё раз"), strings.Join(broken, ", "))
	}
	return nil
}

// one grades a work, or takes what is known of it.
func (c *classroom) one(ctx context.Context, w class.Work, i int) {
	c.shown.begin(w.Name)
	path := filepath.Join(c.reports, w.Name+".json")
	rec, known, err := c.known(&w, path)
	if err == nil && !known {
		rec, err = c.examine(ctx, w, rec.Key)
		if err == nil && !rec.Broken() {
			err = errors.Join(rec.Save(path), rec.SaveGradescope(filepath.Join(c.reports, w.Name+".gradescope.json")))
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil || rec.Broken() {
		rec = class.Record{Name: w.Name, Status: grader.Broken, Of: c.points, Report: rec.Report}
		if err != nil {
			rec.Why = err.Error()
		}
	}
	c.mu.Lock()
	c.records[i] = rec
	c.mu.Unlock()
	c.shown.end(rec, known)
}

// known finds a report of the same sources, against the same checks.
// What is no program at all, and better not read, gets its fault here.
func (c *classroom) known(w *class.Work, path string) (rec class.Record, known bool, err error) {
	sum := ""
	if w.Dir != "" {
		sum, err = class.Sum(w.Dir)
		var refusal *grader.Refusal
		if errors.As(err, &refusal) {
			w.Fault = refusal.Error()
		} else if err != nil {
			return rec, false, err
		}
	}
	key := fmt.Sprintf("%x", sha256.Sum256([]byte(c.against+sum+w.Fault+c.limit.String())))
	if rec, ok := class.Load(path); ok && rec.Key == key && rec.Name == w.Name {
		return rec, true, nil
	}
	return class.Record{Key: key}, false, nil
}

func (c *classroom) examine(ctx context.Context, w class.Work, key string) (class.Record, error) {
	if w.Fault != "" {
		return class.Record{Name: w.Name, Key: key, Status: class.Refused, Why: w.Fault, Of: c.points}, nil
	}
	report, err := gradeWith(ctx, c.t, grader.Submission{Lesson: c.l, Dir: w.Dir, Name: w.Name, Limit: c.limit}, c.test)
	return class.Judge(w.Name, key, report), err
}

// fileSum is the sum of a file's content.
func fileSum(path string) (string, error) {
	data, err := os.ReadFile(path)
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}
