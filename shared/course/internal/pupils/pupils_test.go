package pupils

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/class"
	"mydocker.example/shared/course/internal/tree"
)

func TestTheClassIsLaidDown(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	pupils, err := Make(tree.Tree{Root: root}, dir)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(pupils), 30)
	works, err := class.Find(dir, tree.Lessons[Lesson].Name)
	require.NoError(t, err)
	assert.Len(t, works, len(pupils))
	assert.FileExists(t, filepath.Join(dir, "assembler", "extra_amd64.s"))

	few, err := Make(tree.Tree{Root: root}, filepath.Join(dir, "few"), "right", "fork-bomb")
	require.NoError(t, err)
	assert.Len(t, few, 2)
}

func TestCompare(t *testing.T) {
	table := filepath.Join(t.TempDir(), "grades.csv")
	require.NoError(t, os.WriteFile(table, []byte("name,points,of,pivot,status,why\na,100,100,30,graded,\nb,70,100,0,graded,\nc,70,100,30,graded,\nd,0,100,0,graded,hang\ne,5,100,0,graded,\n"), 0o644))
	got, err := Compare([]Pupil{
		{Name: "a", Status: class.Graded, Points: 100},
		{Name: "b", Status: class.Graded, Points: -1, Task: "pivot"},
		{Name: "c", Status: class.Graded, Points: -1, Task: "pivot"},
		{Name: "d", Status: class.Attacked, What: "bomb"},
		{Name: "f", Status: class.Graded},
	}, table)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"c: graded 70, and deserves graded -1 (); ",
		"d: graded 0, and deserves attacked 0 (bomb); hang",
		"e is nobody's", "f is not in the table",
	}, got)
}
