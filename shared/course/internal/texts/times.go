package texts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"mydocker.example/shared/prose"
)

// planned is a row of the table of times: lesson, minutes to read, "under " or not, minutes to run.
var planned = regexp.MustCompile(`(?m)^\| \[[0-9]{2}\]\(lessons/([^/]+)/README[^)]*\) \| ([0-9]+) (?:min|мин) \| (under |меньше )?([0-9]+) (?:min|мин)(?:уты)? \|`)

// Times holds the table of times in a README against what each lesson says of itself, which is
// what the clock on the stage goes by. path is the README, in either language.
func Times(root, path, readme string) error {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return err
	}
	rows := planned.FindAllStringSubmatch(string(text), -1)
	lessons, err := filepath.Glob(filepath.Join(root, "lessons", "[0-9]*", readme))
	if err != nil || len(rows) != len(lessons) {
		return fmt.Errorf("%s: %d lessons have a row with their times, and there are %d", path, len(rows), len(lessons))
	}
	for _, row := range rows {
		name := filepath.Join("lessons", row[1], readme)
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		t, ok := prose.ReadTimes(text)
		if !ok {
			return fmt.Errorf("%s names no times, as in: **Time**: about 70 minutes to read, a minute for the proofs to run", name)
		}
		said := fmt.Sprint(t.Study, t.Under, t.Run)
		if table := fmt.Sprint(row[2], " ", row[3] != "", " ", row[4]); table != said {
			return fmt.Errorf("%s: the table has %s (minutes to study, under, minutes to run) for %s, which says %s of itself", path, table, row[1], said)
		}
	}
	return nil
}
