package mutant

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "torn", "store.go")
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("// mutant: task=store diagnosis=torn,half also=ps\npackage main\n"), 0o644))
	found, err := Find(dir, "/solution")
	require.NoError(t, err)
	assert.Equal(t, []Mutant{{"torn", "store", []string{"torn", "half"}, []string{"ps"}, map[string]string{"/solution/store.go": file}}}, found)

	require.NoError(t, os.WriteFile(file, []byte("package main\n"), 0o644))
	_, err = Find(dir, "/solution")
	assert.Error(t, err, "a mutant without its first line")
}
