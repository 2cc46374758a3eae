package texts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	mistake = regexp.MustCompile("(?m)^\\| ([0-9])(\\.[0-9]+) \\| .* \\| `([a-z0-9-]+)` \\| ")
	task    = regexp.MustCompile("(?m)^### Task ([0-9]\\.[0-9]+) `([a-z0-9-]+)`")
	mutant  = regexp.MustCompile(`^// mutant: task=(\S+) diagnosis=(\S+)`)
)

// Mistakes holds a table of common mistakes against the mutants: each row's task has a mutant
// with that row's diagnosis.
func Mistakes(root, path string) error {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return err
	}
	rows := mistake.FindAllStringSubmatch(string(text), -1)
	if len(rows) == 0 {
		return fmt.Errorf("%s has no mistakes in it", path)
	}
	for _, row := range rows {
		lesson := filepath.Join(root, "lessons", "0"+row[1]+"-*")
		known, err := diagnoses(lesson, row[1]+row[2])
		if err != nil {
			return err
		}
		if !slices.Contains(known, row[3]) {
			return fmt.Errorf("%s: no mutant of task %s%s is told %s; there are %s", path, row[1], row[2], row[3], strings.Join(known, " "))
		}
	}
	return nil
}

// diagnoses are what the mutants of a task are told.
func diagnoses(lesson, number string) (list []string, err error) {
	homework, _ := filepath.Glob(filepath.Join(lesson, "HOMEWORK.md"))
	files, _ := filepath.Glob(filepath.Join(lesson, "testdata", "mutants", "*", "*.go"))
	id := ""
	for _, file := range homework {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range task.FindAllStringSubmatch(string(text), -1) {
			if m[1] == number {
				id = m[2]
			}
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if m := mutant.FindStringSubmatch(string(text)); m != nil && m[1] == id {
			list = append(list, strings.Split(m[2], ",")...)
		}
	}
	return list, nil
}
