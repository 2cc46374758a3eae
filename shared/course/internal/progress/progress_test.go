package progress

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALineIsReadAsItWasWritten(t *testing.T) {
	e := Entry{time.Date(2026, 3, 4, 5, 6, 0, 0, time.Local), "03-filesystem", 45, 100, []Task{{"pivot", 30, 30}, {"overlay", 15, 15}, {"rootfs", 0, 15}}}
	assert.Equal(t, "2026-03-04 05:06  03-filesystem  45/100  pivot 30/30  overlay 15/15  rootfs 0/15", e.String())
	back, ok := Parse(e.String() + "\n")
	require.True(t, ok)
	assert.Equal(t, e, back)
	for _, line := range []string{"", "# a note", "2026-03-04 05:06  03-filesystem", "2026-03-04 05:06  03  45/100  pivot", "2026-03-04 05:06  03  45/100  pivot x", "soon 05:06 03 1/2"} {
		_, ok := Parse(line)
		assert.False(t, ok, line)
	}
}

func TestTheBestCountsAndNotesStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "homework", "progress.txt")
	best, err := Best(path)
	require.NoError(t, err)
	require.Empty(t, best)
	for _, points := range []int{30, 70, 50} {
		require.NoError(t, Add(path, Entry{Lesson: "01-prototype", Points: points, Of: 100}))
	}
	require.NoError(t, os.WriteFile(path, append([]byte("ask about task 1.3\n"), mustRead(t, path)...), 0o644))
	best, err = Best(path)
	require.NoError(t, err)
	require.Equal(t, 70, best["01-prototype"].Points)
	require.Contains(t, string(mustRead(t, path)), "ask about task 1.3\n")
}

func mustRead(t *testing.T, path string) []byte {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}
