package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// How often the folder is looked at. Asking is plainer than inotify(7), which also knows
// nothing of files that are changed from the other side of a shared folder (WSL2, a VM).
const lookEvery = 300 * time.Millisecond

// watch checks homework/NN on every save, and shows the first task that fails: first the one
// that failed before, for that is what the student works on.
func watch(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Graded(l) {
		return fmt.Errorf(say.T("the homework of lesson %s is not written yet", "домашнее задание урока %s ещё не написано"), l.Name)
	}
	if err := there(t, l); err != nil {
		return err
	}
	w := &watcher{t: t, l: l, dir: t.Dir("homework", l), spare: make(chan spare, 1)}
	defer w.close()
	if w.test, err = grader.BuildTest(ctx, t, l); err != nil {
		return err
	}
	tasks, err := grader.Tasks(t, l)
	if err != nil {
		return err
	}
	w.task = tasks[0]
	if w.hints, err = wantedHints(); err != nil {
		return err
	}
	w.prepare(ctx)
	fmt.Println(say.Hang("", fmt.Sprintf(say.T("save a file in %s and it is checked; Ctrl-C ends", "сохраните файл в %s — и начнётся проверка; Ctrl-C — конец"), t.Rel(w.dir))))
	for {
		err := w.next(ctx)
		if ctx.Err() != nil { // the only end that it has
			fmt.Println()
			return exit(0)
		}
		if err != nil {
			return err
		}
	}
}

// next is one round, and the wait for the save after it.
func (w *watcher) next(ctx context.Context) error {
	seen, err := w.look()
	if err != nil {
		return err
	}
	if err := w.round(ctx, seen); err != nil {
		return err
	}
	return w.await(ctx, seen)
}

// A watcher is one student's afternoon.
type watcher struct {
	t     tree.Tree
	l     tree.Lesson
	dir   string
	test  string // the checks, built
	task  string // the one that failed last
	hints int    // as many as HINTS says
	spare chan spare

	prepared bool // there is a spare, or one is being started
}

// A spare is a guest that was started while nothing else was to do.
type spare struct {
	guest *vm.Guest
	err   error
}

// prepare starts the next guest, so that a save need not wait for it.
func (w *watcher) prepare(ctx context.Context) {
	if w.l.OnHost() || w.prepared {
		return // the checks of such a lesson start their own
	}
	w.prepared = true
	go func() {
		g, err := lab.Start(ctx, w.t, "")
		w.spare <- spare{g, err}
	}()
}

func (w *watcher) guest(ctx context.Context) (*vm.Guest, error) {
	select {
	case s := <-w.spare:
		w.prepared = false
		return alive(ctx, w.t, s)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// alive is the spare, or another one: it may have waited since before lunch.
func alive(ctx context.Context, t tree.Tree, s spare) (*vm.Guest, error) {
	if s.err != nil {
		return nil, s.err
	}
	select {
	case <-s.guest.Dead():
		s.guest.Close()
		return lab.Start(ctx, t, "")
	default:
		return s.guest, nil
	}
}

func (w *watcher) close() {
	if !w.prepared {
		return
	}
	if s := <-w.spare; s.guest != nil {
		s.guest.Close()
	}
}

// round checks what is there now. Who saves again meanwhile wants to know of what is there
// then: the round is broken off.
func (w *watcher) round(ctx context.Context, seen []byte) error {
	begun := w.saved(time.Now())
	checked, stop := context.WithCancel(ctx)
	var changed sync.WaitGroup
	changed.Go(func() {
		if w.await(checked, seen) == nil {
			stop()
		}
	})
	fmt.Println()
	fmt.Println(say.Dim(time.Now().Format("15:04:05 ") + w.t.Rel(w.dir)))
	err := w.check(ctx, checked, begun)
	if ctx.Err() == nil && checked.Err() != nil {
		fmt.Println(say.Dim(say.T("saved again", "сохранено ещё раз")))
		err = nil
	}
	stop()
	changed.Wait()
	return err
}

// check asks the task that failed last, alone: that is what the student works on. When it
// passes, the whole homework is checked in a fresh guest, and that is what counts; of what
// fails there the first is shown.
func (w *watcher) check(ctx, checked context.Context, begun time.Time) error {
	report, err := w.ask(ctx, checked, fmt.Sprintf(say.T("checking %s", "проверяю %s"), w.task), w.task)
	if err != nil {
		return err
	}
	if !report.Passed() {
		w.tell(report, begun)
		return nil
	}
	fmt.Println(say.Dim(fmt.Sprintf(say.T("%s passes, %.1f s after the save; now all of them", "%s сдано, %.1f с после сохранения; теперь все задания"), w.task, time.Since(begun).Seconds())))
	report, err = w.ask(ctx, checked, say.T("checking the whole homework", "проверяю всё задание целиком"))
	if err != nil {
		return err
	}
	if len(report.Refused) == 0 {
		err = remember(w.t, report)
	}
	if !report.Passed() {
		w.tell(report, begun)
		return err
	}
	keepHints(report, 0)
	printReport(report)
	fmt.Println(say.Good(say.T("all of it. make progress knows the next step", "всё. Следующий шаг подскажет make progress")))
	return err
}

// ask checks some tasks, or all. The next guest is prepared for the whole afternoon (ctx), and
// not only for this round; and not before there is an answer, for it would take the processor
// away from what the student waits for.
func (w *watcher) ask(ctx, checked context.Context, meanwhile string, tasks ...string) (grader.Report, error) {
	done := say.Meanwhile(meanwhile)
	defer w.prepare(ctx)
	defer done()
	return grader.Check(checked, w.t, grader.Submission{Lesson: w.l, Dir: w.dir, Tasks: tasks}, w.test, w.guest)
}

// tell prints what passes in one line, and the first task that fails with all that is known;
// the next round begins with that one.
func (w *watcher) tell(r grader.Report, begun time.Time) {
	keepHints(r, w.hints)
	printRefused(r)
	var passed []string
	shown := false
	for _, task := range r.Tasks {
		switch {
		case task.Verdict == grader.Pass:
			passed = append(passed, task.Task)
		case !shown:
			shown, w.task = true, task.Task
			if len(passed) > 0 {
				fmt.Println(say.Hang("  "+verdict(grader.Pass)+"         ", strings.Join(passed, ", ")))
			}
			printTask(task)
		}
	}
	printVet(r)
	end := fmt.Sprintf(say.T("%.1f s after the save; save again to check again", "%.1f с после сохранения; сохраните ещё раз — проверю ещё раз"), time.Since(begun).Seconds())
	if len(r.Tasks) > 1 {
		end = fmt.Sprintf(say.T("%d of %d points; ", "баллов: %d из %d; "), r.Points, r.Of) + end
	}
	fmt.Println(say.Dim(say.Hang("", end)))
}

// await returns when the sources are others than those that were seen, and have stopped
// changing: an editor may save several.
func (w *watcher) await(ctx context.Context, seen []byte) error {
	var last []byte
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
		now, err := w.look()
		if err != nil {
			return err
		}
		if !bytes.Equal(now, seen) && bytes.Equal(now, last) {
			return nil
		}
		last = now
	}
}

// look is a sum of the student's sources. A file that is being replaced at this moment is
// simply not there for once.
func (w *watcher) look() ([]byte, error) {
	paths, err := w.sources()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(h, "%s %d\n%s", path, len(data), data)
		}
	}
	return h.Sum(nil), nil
}

// saved is when the newest source was saved, if that has only just been: what is waited for
// begins there, and not when the watcher has noticed.
func (w *watcher) saved(now time.Time) time.Time {
	paths, _ := w.sources()
	newest := 5 * time.Second
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.ModTime().Before(now) {
			newest = min(newest, now.Sub(info.ModTime()))
		}
	}
	if newest == 5*time.Second {
		return now
	}
	return now.Add(-newest)
}

// sources are what is built, without an editor's own files, which begin with a dot.
func (w *watcher) sources() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(w.dir, "[^.]*.go"))
	return append(paths, filepath.Join(w.dir, "go.mod")), err
}
