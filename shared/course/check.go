package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mydocker.example/shared/course/internal/grader"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// checkHomework grades homework/NN, or the folder that SUBMISSION names.
func checkHomework(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Graded(l) {
		return fmt.Errorf(say.T("the homework of lesson %s is not written yet", "домашнее задание урока %s ещё не написано"), l.Name)
	}
	sub := grader.Submission{Lesson: l, Dir: t.Dir("homework", l)}
	if dir := os.Getenv("SUBMISSION"); dir != "" {
		if sub.Dir, err = filepath.Abs(dir); err != nil {
			return err
		}
	} else if err := there(t, l); err != nil {
		return err
	}
	hints, err := wantedHints()
	if err != nil {
		return err
	}
	report, err := grade(ctx, t, sub)
	if err != nil {
		return err
	}
	if os.Getenv("SUBMISSION") == "" && len(report.Refused) == 0 {
		if err := remember(t, report); err != nil {
			return err
		}
	}
	keepHints(report, hints)
	if os.Getenv("JSON") == "1" {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(report)
	} else {
		printReport(report)
	}
	if err == nil && !report.Passed() {
		return exit(1)
	}
	return err
}

func grade(ctx context.Context, t tree.Tree, sub grader.Submission) (grader.Report, error) {
	test, err := grader.BuildTest(ctx, t, sub.Lesson)
	if err != nil {
		return grader.Report{}, fmt.Errorf("%s: %w", t.Rel(t.Dir("lessons", sub.Lesson)), err)
	}
	return gradeWith(ctx, t, sub, test)
}

// gradeWith is grade with checks that are built already.
func gradeWith(ctx context.Context, t tree.Tree, sub grader.Submission, test string) (grader.Report, error) {
	pristine := func(ctx context.Context) (*vm.Guest, error) { return lab.Start(ctx, t, "") }
	return grader.Check(ctx, t, sub, test, pristine)
}

// keepHints leaves as many hints as were asked for, where something failed.
func keepHints(r grader.Report, hints int) {
	for i, task := range r.Tasks {
		r.Tasks[i].Hints = nil
		if task.Verdict != grader.Pass {
			r.Tasks[i].Hints = task.Hints[:min(hints, len(task.Hints))]
		}
	}
}

func wantedHints() (int, error) {
	text := os.Getenv("HINTS")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errors.New(say.T("HINTS is a number, 1 to 3", "HINTS — число от 1 до 3"))
	}
	return n, nil
}

// words for the verdicts, in a column.
func verdict(v string) string {
	switch v {
	case grader.Pass:
		return say.Good(say.T("pass  ", "сдано "))
	case grader.Todo:
		return say.Dim("todo  ")
	case grader.Broken:
		return say.Bad(say.T("broken", "сбой  "))
	}
	return say.Bad(say.T("FAIL  ", "НЕТ   "))
}

// printReport prints a line a task, and below it what went wrong.
func printReport(r grader.Report) {
	fmt.Println(r.Submission)
	printRefused(r)
	for _, task := range r.Tasks {
		printTask(task)
	}
	printVet(r)
	fmt.Printf(say.T("%d of %d points\n", "баллов: %d из %d\n"), r.Points, r.Of)
}

func printRefused(r grader.Report) {
	for _, line := range r.Refused {
		for _, part := range say.Fold(line, 2) {
			fmt.Println("  " + say.Bad(part))
		}
	}
}

func printTask(task grader.Outcome) {
	fmt.Println(say.Hang(fmt.Sprintf("  %s  %2d/%-2d  ", verdict(task.Verdict), task.Points, task.Of), task.Number+" "+task.Task+": "+task.Title))
	indented(task.Text, nil)
	for _, f := range task.Facts {
		indented(f.Question+" → "+f.Answer, say.Dim)
	}
	for i, hint := range task.Hints {
		indented(fmt.Sprintf(say.T("hint %d: %s", "подсказка %d: %s"), i+1, hint), nil)
	}
}

func printVet(r grader.Report) {
	for _, line := range r.Vet {
		fmt.Println(say.Dim(say.Hang("  go vet: ", line)))
	}
}

// indented prints a text below its task.
func indented(text string, paint func(string) string) {
	const indent = 17
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	for _, line := range say.Fold(text, indent) {
		if paint != nil {
			line = paint(line)
		}
		fmt.Println(strings.Repeat(" ", indent) + line)
	}
}
