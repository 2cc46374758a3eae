package patch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sample = `diff --git solutions/03/run.go solutions/04/run.go
index 51f70a4..200add0 100644
--- solutions/03/run.go
+++ solutions/04/run.go
@@ -71,4 +73,5 @@ func supervise(s store.Store) error {
 	if err != nil {
-		return 0, err
--- a comment of SQL
+		return 1, err
+		// more
+++ i
 	}
diff --git solutions/03/image.go solutions/03/image.go
deleted file mode 100644
--- solutions/03/image.go
+++ /dev/null
@@ -1 +0,0 @@
-package main
\ No newline at end of file
diff --git solutions/04/cgroup.go solutions/04/cgroup.go
--- /dev/null
+++ solutions/04/cgroup.go
@@ -0,0 +1,2 @@
+package main
+
`

func TestParse(t *testing.T) {
	files, err := Parse(sample)
	require.NoError(t, err)
	require.Len(t, files, 3)
	run := files[0]
	assert.Equal(t, []any{"solutions/03/run.go", "solutions/04/run.go", 3, 2}, []any{run.Old, run.New, run.Added, run.Removed})
	assert.Equal(t, []any{73, "func supervise(s store.Store) error {"}, []any{run.Hunks[0].Line, run.Hunks[0].Where})
	assert.Equal(t, Line{'-', "-- a comment of SQL"}, run.Hunks[0].Lines[2])
	assert.Equal(t, Line{'+', "++ i"}, run.Hunks[0].Lines[5])
	assert.Equal(t, []any{"", 1}, []any{files[1].New, files[1].Removed})
	assert.Equal(t, []any{"", 2}, []any{files[2].Old, files[2].Added})

	_, err = Parse("--- a\n+++ b\n@@ -x +1 @@\n")
	assert.Error(t, err)
	_, err = Parse("--- a\n+++ b\n@@ -1 +1 @@\nwhat\n")
	assert.Error(t, err)
}

func TestDiffOfAMissingFile(t *testing.T) {
	files, err := Parse("diff -ruN a/x.go b/x.go\n--- a/x.go\t1970-01-01 00:00:00.000000000 +0000\n+++ b/x.go\t2026-01-01 00:00:00.000000000 +0000\n@@ -0,0 +1 @@\n+package main\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"", "b/x.go"}, []string{files[0].Old, files[0].New})
}

func TestWords(t *testing.T) {
	was, is := words([]string{"\treturn prepare(s, r)"}, []string{"\treturn prepare(s, r, limits)"})
	assert.Equal(t, []string{"\treturn prepare(s, r)"}, was)
	assert.Equal(t, []string{"\treturn prepare(s, r" + turned + ", limits" + back + ")"}, is)

	was, is = words([]string{"a := 1", "keep this line"}, []string{"b := 1", "keep this line", "and one more"})
	assert.Equal(t, []string{turned + "a" + back + " := 1", "keep this line"}, was)
	assert.Equal(t, []string{turned + "b" + back + " := 1", "keep this line", turned + "and one more" + back}, is)

	was, is = words([]string{"package main"}, []string{"// All of this is new, and nothing was kept"})
	assert.NotContains(t, strings.Join(append(was, is...), ""), turned, "what was written anew is read as a whole")
}

func TestPaint(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	files, err := Parse(sample)
	require.NoError(t, err)
	got := Paint(files, 60)
	for _, want := range []string{"run.go", "⋮ func supervise", dim + "  73" + plain + "       if err != nil {", "image.go", "gone", "cgroup.go", "new, lines: 2"} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, got, "\t")
	assert.NotContains(t, got, red+"     - package main", "a file that is gone is not shown")
}
