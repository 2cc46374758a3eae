package texts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	place  = regexp.MustCompile(`(\d\d) § ([^;|]+)`)
	claim  = regexp.MustCompile("`(\\d\\d):([a-z0-9-]+)`")
	toCome = regexp.MustCompile(`to come: ([0-9–, ]+)`)
)

// Coverage holds lessons/COVERAGE.md against the lessons: every heading and every id that it
// names is there, every row names a place, and nothing is still to come from a lesson that
// is written.
func Coverage(lessons string) error {
	table, err := os.ReadFile(filepath.Join(lessons, "COVERAGE.md"))
	if err != nil {
		return err
	}
	rows := 0
	for i, line := range strings.Split(string(table), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) < 3 || strings.HasPrefix(line, "| Line of") {
			continue
		}
		rows++
		if err := coverageRow(lessons, line); err != nil {
			return fmt.Errorf("COVERAGE.md, line %d: %w", i+1, err)
		}
	}
	if rows == 0 {
		return fmt.Errorf("COVERAGE.md has no rows")
	}
	return nil
}

func coverageRow(lessons, line string) error {
	places, later := place.FindAllStringSubmatch(line, -1), toCome.FindStringSubmatch(line)
	if len(places) == 0 && later == nil {
		return fmt.Errorf("the row names no place: %s", line)
	}
	for _, p := range places {
		want := regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(strings.TrimSpace(p[2])) + `$`)
		if err := inLesson(lessons, p[1], "README.md", want); err != nil {
			return err
		}
	}
	for _, c := range claim.FindAllStringSubmatch(line, -1) {
		want := regexp.MustCompile("(?m)^### (Proof|Task) [0-9.]+ `" + regexp.QuoteMeta(c[2]) + "`")
		if err := inLesson(lessons, c[1], "*.md", want); err != nil {
			return err
		}
	}
	if later == nil || len(places) > 0 {
		return nil
	}
	for _, number := range regexp.MustCompile(`\d\d`).FindAllString(later[1], -1) {
		if inLesson(lessons, number, "README.md", regexp.MustCompile(`(?m)^### Proof `)) == nil {
			return fmt.Errorf("lesson %s is written; say where it takes up: %s", number, line)
		}
	}
	return nil
}

// inLesson looks for a line in the English texts of a lesson.
func inLesson(lessons, number, pattern string, want *regexp.Regexp) error {
	files, err := filepath.Glob(filepath.Join(lessons, number+"-*", pattern))
	if err != nil {
		return err
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".ru.md") && want.Match(text) {
			return nil
		}
	}
	return fmt.Errorf("lesson %s has no line that matches %s", number, want)
}
