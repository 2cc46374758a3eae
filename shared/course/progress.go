package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/progress"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// progressFile lies beside the homework, and git does not look at it: an update of the course
// leaves it alone, and who moves to another machine takes it along.
func progressFile(t tree.Tree) string { return t.Path("homework", "progress.txt") }

// remember adds a check of the student's own homework to the file.
func remember(t tree.Tree, r grader.Report) error {
	e := progress.Entry{At: time.Now(), Lesson: r.Lesson, Points: r.Points, Of: r.Of}
	for _, task := range r.Tasks {
		e.Tasks = append(e.Tasks, progress.Task{ID: task.Task, Points: task.Points, Of: task.Of})
	}
	return progress.Add(progressFile(t), e)
}

// showProgress tells what is done, and the next step.
func showProgress(_ context.Context, t tree.Tree, _ []string) error {
	best, err := progress.Best(progressFile(t))
	if err != nil {
		return err
	}
	var graded []tree.Lesson
	points, of := 0, 0
	for _, l := range tree.Lessons {
		if !t.Graded(l) {
			fmt.Printf("%02d  %s\n", l.Number, say.Dim(say.T(l.En, l.Ru)+say.T("  (no homework yet)", "  (задания ещё нет)")))
			continue
		}
		graded = append(graded, l)
		e, begun := best[l.Name]
		points, of = points+e.Points, of+100
		word := say.Dim(say.T("not checked yet", "ещё не проверялось"))
		switch {
		case e.Done():
			word = say.Good(fmt.Sprintf(say.T("done, %d of %d", "сделано, %d из %d"), e.Points, e.Of)) + say.Dim("  "+e.At.Format("2006-01-02"))
		case begun:
			word = say.Hang(fmt.Sprintf(say.T("%d of %d; left: ", "%d из %d; осталось: "), e.Points, e.Of), strings.Join(missing(e), ", "))
		}
		fmt.Printf("%02d  %s\n", l.Number, say.T(l.En, l.Ru))
		fmt.Println("    " + word)
	}
	fmt.Printf(say.T("\n%d of %d points\n", "\nбаллов: %d из %d\n"), points, of)
	if l, ok := nextLesson(graded, best); ok {
		_, begun := best[l.Name]
		fmt.Println(say.Hang(say.T("next: ", "дальше: "), nextStep(l, begun)))
	} else {
		fmt.Println(say.Good(say.T("that is the whole course", "это весь курс")))
	}
	return nil
}

// nextLesson is the one to go on with: that of the latest check, if something is left in it;
// else the next one after it that has something left, and at last what was left out before.
func nextLesson(graded []tree.Lesson, best map[string]progress.Entry) (tree.Lesson, bool) {
	latest := 0
	for i, l := range graded {
		if best[l.Name].At.After(best[graded[latest].Name].At) {
			latest = i
		}
	}
	for i := range graded {
		if l := graded[(latest+i)%len(graded)]; !best[l.Name].Done() {
			return l, true
		}
	}
	return tree.Lesson{}, false
}

// missing are the tasks without all of their points.
func missing(e progress.Entry) (names []string) {
	for _, t := range e.Tasks {
		if t.Points < t.Of {
			names = append(names, t.ID)
		}
	}
	return names
}

func nextStep(l tree.Lesson, begun bool) string {
	if begun {
		return fmt.Sprintf(say.T("make watch-%02d, with lessons/%s/HOMEWORK.md beside it", "make watch-%02d, и рядом lessons/%s/HOMEWORK.ru.md"), l.Number, l.Name)
	}
	return fmt.Sprintf(say.T("make lesson-%02d, then make start-%02[1]d", "make lesson-%02d, затем make start-%02[1]d"), l.Number)
}
