package texts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCoverage(t *testing.T) {
	lessons := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(lessons, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("01-first/README.md", "# One\n\n## A heading: of two parts\n\n### Proof 1.1 `claim`: text\n")
	write("01-first/HOMEWORK.md", "### Task 1.1 `task` (100 points): text\n")
	write("02-second/README.md", "# Not written yet\n")
	head := "| Line of the source | Where | Proofs and tasks |\n|---|---|---|\n"
	for row, want := range map[string]string{
		"| x | 01 § A heading: of two parts; 01 § One | `01:claim` `01:task` |": "",
		"| x | to come: 02 |  |":                     "",
		"| x | 01 § Another heading | `01:claim` |":  "lesson 01 has no line that matches",
		"| x | 01 § One | `01:no-claim` |":           "no-claim",
		"| x | somewhere |  |":                       "names no place",
		"| x | to come: 01 |  |":                     "lesson 01 is written",
		"| x | 01 § One; to come: 02 | `02:claim` |": "lesson 02 has no line",
	} {
		write("COVERAGE.md", head+row+"\n")
		err := Coverage(lessons)
		if want == "" {
			assert.NoError(t, err, row)
		} else {
			assert.ErrorContains(t, err, want, row)
		}
	}
	write("COVERAGE.md", head)
	assert.ErrorContains(t, Coverage(lessons), "no rows")
}
