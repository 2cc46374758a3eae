// Package mutant finds the realistic wrong solutions of a lesson: one file each, laid over
// the solution. Its first line says what must come of it:
//
//	// mutant: task=<task> diagnosis=<id>[,<id>…] [also=<task>[,<task>…]]
//
// also names tasks that may fail with it, because they stand on the first.
package mutant

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Mutant is one wrong solution.
type Mutant struct {
	Name      string
	Task      string
	Diagnoses []string
	Also      []string
	Overlay   map[string]string // the solution's files that it replaces
}

// Find reads the mutants in dir, a folder each.
func Find(dir, solution string) (all []Mutant, err error) {
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		m := Mutant{Name: filepath.Base(folder), Overlay: map[string]string{}}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			first, _, _ := strings.Cut(string(data), "\n")
			if err := m.heed(first); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			m.Overlay[filepath.Join(solution, filepath.Base(file))] = file
		}
		if m.Task == "" || len(m.Diagnoses) == 0 {
			return nil, fmt.Errorf("%s: no file of it begins with // mutant: task=… diagnosis=…", folder)
		}
		all = append(all, m)
	}
	return all, nil
}

// heed reads the first line of a file.
func (m *Mutant) heed(line string) error {
	words, ok := strings.CutPrefix(line, "// mutant: ")
	if !ok {
		return nil
	}
	for _, word := range strings.Fields(words) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "task":
			m.Task = value
		case "diagnosis":
			m.Diagnoses = strings.Split(value, ",")
		case "also":
			m.Also = strings.Split(value, ",")
		default:
			return fmt.Errorf("%q: a mutant has task, diagnosis and also", word)
		}
	}
	return nil
}
