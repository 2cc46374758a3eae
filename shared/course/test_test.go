package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/stub"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

func TestSkips(t *testing.T) {
	out := "=== RUN   TestA\n    a_test.go:3: no reason\n--- SKIP: TestA (0.00s)\n" +
		"=== RUN   TestB\n    b_test.go:9: " + vm.ErrNoImage.Error() + "\n--- SKIP: TestB (0.00s)\n" +
		"=== RUN   TestC\n--- PASS: TestC (0.00s)\nPASS\n"
	assert.Equal(t, []string{"TestA     a_test.go:3: no reason"}, skips(out))
}

func TestHoldAgainst(t *testing.T) {
	dir := t.TempDir()
	made := stub.Stub{Files: map[string][]byte{"main.go": []byte("package main\n")}}
	require.ErrorContains(t, holdAgainst(made, dir), "main.go is not what is generated")
	_, err := made.Write(dir)
	require.NoError(t, err)
	require.NoError(t, holdAgainst(made, dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.go"), nil, 0o644))
	require.ErrorContains(t, holdAgainst(made, dir), "mine.go is not generated")
}

func TestCleanLeavesAStrangersFolderAlone(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	ours := filepath.Join(cache, "mydocker-course")
	require.NoError(t, os.MkdirAll(filepath.Join(ours, "lab"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(ours, "thesis.txt"), nil, 0o644))
	require.Error(t, clean(t.Context(), tree.Tree{}, nil))
	require.FileExists(t, filepath.Join(ours, "thesis.txt"))

	require.NoError(t, os.Remove(filepath.Join(ours, "thesis.txt")))
	require.NoError(t, clean(t.Context(), tree.Tree{}, nil))
	require.NoDirExists(t, ours)
	require.NoError(t, clean(t.Context(), tree.Tree{}, nil), "nothing to clean is clean")
}

func TestLessonsByNumber(t *testing.T) {
	for _, arg := range []string{"3", "03"} {
		l, err := tree.Tree{}.Lesson(arg)
		require.NoError(t, err)
		assert.Equal(t, "03-filesystem", l.Name)
	}
	for _, arg := range []string{"", "8", "-1", "x", "3x", "../3", "0x3"} {
		_, err := tree.Tree{}.Lesson(arg)
		assert.ErrorContains(t, err, "07-network", arg)
	}
}
