package cgroup

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFiles(t *testing.T) {
	files, err := Limits{MemoryMax: 50 << 20, MemorySwapMax: NoSwap, CPUQuota: 50_000, PidsMax: 32, OOMGroup: true}.Files()
	require.NoError(t, err)
	assert.Equal(t, []File{
		{"pids", "pids.max", "32"},
		{"cpu", "cpu.max", "50000 100000"},
		{"memory", "memory.oom.group", "1"},
		{"memory", "memory.swap.max", "0"},
		{"memory", "memory.max", "52428800"},
	}, files)

	files, err = Limits{CPUQuota: Max, PidsMax: Max}.Files()
	require.NoError(t, err)
	assert.Equal(t, []File{{"pids", "pids.max", "max"}, {"cpu", "cpu.max", "max 100000"}}, files)

	files, err = Limits{}.Files()
	require.NoError(t, err)
	assert.Empty(t, files, "zero values change nothing")
}

func TestFilesRefuses(t *testing.T) {
	for name, l := range map[string]Limits{
		"memory.max": {MemoryMax: -5}, "pids.max": {PidsMax: NoSwap}, "cpu.max": {CPUQuota: 999},
		"cpu.weight": {CPUWeight: 10_001}, "period": {CPUQuota: 5000, CPUPeriod: 10},
	} {
		_, err := l.Files()
		assert.ErrorContains(t, err, name)
	}
}

// pretended is a folder with the files of a group; a kernel there is none.
func pretended(t *testing.T, controllers, enabled string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"cgroup.controllers": controllers, "cgroup.subtree_control": enabled} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

func TestCreateLeavesNothingBehind(t *testing.T) {
	parent := pretended(t, "cpu memory\n", "memory\n")
	_, err := Create(parent, "a", Limits{PidsMax: 3})
	assert.ErrorContains(t, err, "no controller pids")
	_, err = Create(parent, "a", Limits{MemoryMax: 1 << 20}) // no kernel makes the file
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Create(parent, "../a", Limits{})
	assert.ErrorContains(t, err, "no name")
	assert.NoDirExists(t, filepath.Join(parent, "a"))
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"memory.current": "1048576\n", "memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n",
		"cpu.stat": "usage_usec 1500000\nuser_usec 1\nnr_throttled 7\n", "cgroup.events": "populated 1\nfrozen 0\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	s, err := Group{dir}.Stats()
	require.NoError(t, err)
	assert.Equal(t, Stats{Memory: 1 << 20, CPU: 1500 * time.Millisecond, Throttled: 7, OOM: 1, OOMKill: 2, Populated: true}, s)

	_, err = Group{dir + "/gone"}.Stats()
	assert.ErrorIs(t, err, os.ErrNotExist, "a group that is not there has no statistics")
}

func TestRemoveOfNothing(t *testing.T) {
	assert.NoError(t, Group{t.TempDir() + "/gone"}.Remove(context.Background()))
}
