package vm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweepTakesWhatLayUnused(t *testing.T) {
	lab := t.TempDir()
	old := time.Now().Add(-unused - time.Hour)
	for _, name := range []string{"image-old", "image-used", "snapshot-old", "qemu-old", "debs"} {
		dir := filepath.Join(lab, name)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
		require.NoError(t, os.Chtimes(dir, old, old))
	}
	touch(filepath.Join(lab, "image-used"))
	require.NoError(t, sweep(lab, time.Now()))
	entries, err := os.ReadDir(lab)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, []string{"debs", "image-used", "qemu-old"}, names)
}
