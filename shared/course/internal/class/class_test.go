package class

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/grader"
)

func write(t *testing.T, path string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("package main\n"), 0o644))
}

func TestFind(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	dir := t.TempDir()
	for _, path := range []string{
		"anna/main.go", "ben/03-filesystem/main.go", "clara [late]/x/main.go",
		"dan/homework/03-filesystem/main.go", "dan/solutions/03-filesystem/main.go", "dan/homework/02-namespaces/main.go",
		"eve/one/main.go", "eve/two/main.go", "fay/readme.txt", "gil/a/b/c/d/main.go", ".git/main.go", "note.go",
	} {
		write(t, filepath.Join(dir, path))
	}
	works, err := Find(dir, "03-filesystem")
	require.NoError(t, err)
	found := map[string]string{}
	for _, w := range works {
		found[w.Name] = w.Fault
		if w.Dir != "" {
			found[w.Name], err = filepath.Rel(dir, w.Dir)
			require.NoError(t, err)
		}
	}
	assert.Equal(t, map[string]string{
		"anna": "anna", "ben": "ben/03-filesystem", "clara [late]": "clara [late]/x", "dan": "dan/homework/03-filesystem",
		"eve": "several programs in it, and not one folder 03-filesystem", "fay": "no Go files in it", "gil": "no Go files in it",
	}, found)
}

func TestOtherSourcesHaveAnotherSum(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"))
	before, err := Sum(dir)
	require.NoError(t, err)
	again, err := Sum(dir)
	require.NoError(t, err)
	assert.Equal(t, before, again)
	write(t, filepath.Join(dir, "more.go"))
	after, err := Sum(dir)
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func report(points int, ended string, forged bool, refused ...string) grader.Report {
	return grader.Report{Points: points, Of: 100, Ended: ended, Forged: forged, Refused: refused, Tasks: []grader.Outcome{
		{Task: "pivot", Points: points, Of: 70, Verdict: grader.Pass, Number: "3.1", Title: "out"},
		{Task: "volume", Of: 30, Verdict: grader.Fail, Text: "no", Facts: []grader.Fact{{Question: "q", Answer: "a"}}},
	}}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		report grader.Report
		status string
		points int
		why    string
	}{
		"fine":     {report(70, "", false), Graded, 70, ""},
		"slow":     {report(70, "hang", false), Graded, 70, "hang"},
		"died":     {report(70, "lab-died", false), Attacked, 0, "down"},
		"silent":   {report(70, "lab-silent", false), Attacked, 0, "down"},
		"killed":   {report(70, "killed", false), Attacked, 0, "down"},
		"full":     {report(70, "disk-full", false), Attacked, 0, "disk-full"},
		"forged":   {report(0, "", true, "somebody wrote"), Attacked, 0, "forged"},
		"compiles": {report(0, "", false, "it does not compile:", "x.go:1"), Refused, 0, "it does not compile:; x.go:1"},
	} {
		r := Judge(name, "k", c.report)
		assert.Equal(t, []any{c.status, c.points, c.why}, []any{r.Status, r.Points, r.Why}, name)
	}
}

func TestARecordIsKeptAndBecomesARow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "grades.reports")
	good, bad := Judge("anna", "k", report(70, "", false)), Judge("eve", "k", report(70, "killed", false))
	path := filepath.Join(dir, "anna.json")
	require.NoError(t, good.Save(path))
	back, ok := Load(path)
	require.True(t, ok)
	assert.Equal(t, good, back)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, ok = Load(path)
	assert.False(t, ok, "half a report is none")

	write(t, filepath.Join(dir, ".new-123"))
	require.NoError(t, Sweep(dir))
	assert.NoFileExists(t, filepath.Join(dir, ".new-123"))

	table := filepath.Join(dir, "grades.csv")
	require.NoError(t, Table(table, []string{"pivot", "volume"}, []Record{good, bad}))
	text, err := os.ReadFile(table)
	require.NoError(t, err)
	assert.Equal(t, "name,points,of,pivot,volume,status,why\nanna,70,100,70,0,graded,\neve,0,100,0,0,attacked,down\n", string(text))

	g := good.Gradescope()
	assert.Equal(t, 70, g.Score)
	assert.Equal(t, Test{Number: "3.1", Name: "pivot: out", Score: 70, MaxScore: 70, Status: "passed"}, g.Tests[0])
	assert.Equal(t, "no\nq → a", g.Tests[1].Output)
	assert.Equal(t, "failed", bad.Gradescope().Tests[0].Status)
}
