package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWatchSeesASaveAndNothingElse(t *testing.T) {
	w := &watcher{dir: t.TempDir()}
	path := filepath.Join(w.dir, "main.go")
	look := func() string {
		sum, err := w.look()
		require.NoError(t, err)
		return string(sum)
	}
	require.NoError(t, renames(path, []byte("package main\n")))
	first := look()
	require.NoError(t, os.Symlink("nobody@nowhere.1", filepath.Join(w.dir, ".#main.go"))) // Emacs: unsaved changes
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, ".main.go.swp"), []byte("vim"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "notes.txt"), nil, 0o644))
	require.NoError(t, renames(path, []byte("package main\n")), "saved as it was")
	assert.Equal(t, first, look())
	require.NoError(t, renames(path, []byte("package main\n\n")))
	second := look()
	assert.NotEqual(t, first, second)
	require.NoError(t, truncates(filepath.Join(w.dir, "go.mod"), []byte("module x\n")))
	assert.NotEqual(t, second, look())
	require.NoError(t, os.Remove(path))
	look()
}

func TestAWaitBeginsWithTheSave(t *testing.T) {
	w := &watcher{dir: t.TempDir()}
	path := filepath.Join(w.dir, "main.go")
	require.NoError(t, truncates(path, nil))
	now := time.Now()
	for ago, want := range map[time.Duration]time.Duration{
		2 * time.Second: 2 * time.Second,
		time.Hour:       0, // brought back by git, or saved before watch began
		-time.Hour:      0, // by a clock that is not ours
	} {
		require.NoError(t, os.Chtimes(path, time.Time{}, now.Add(-ago)))
		assert.Equal(t, want, now.Sub(w.saved(now)), "%v ago", ago)
	}
}
