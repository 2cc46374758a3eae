package cgroup

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/labtest"
)

// startIn starts a sleep, born in the group.
func startIn(t *testing.T, g Group) *exec.Cmd {
	dir, err := g.Dir()
	require.NoError(t, err)
	defer dir.Close()
	cmd := exec.Command("sleep", "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	require.NoError(t, cmd.Start())
	return cmd
}

func TestAGroupFromBirthToEnd(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedCgroup2(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	parent, err := Create(Root, "shared-cgroup-test", Limits{})
	require.NoError(t, err)
	defer parent.Remove(context.Background())
	g, err := Create(parent.Path, "a", Limits{MemoryMax: 30 << 20, PidsMax: 2, CPUQuota: 50_000})
	require.NoError(t, err)
	_, err = Create(parent.Path, "a", Limits{})
	assert.Error(t, err, "one name, one group")

	cmd := startIn(t, g)
	pids, err := g.Procs()
	require.NoError(t, err)
	assert.Equal(t, []int{cmd.Process.Pid}, pids)
	require.NoError(t, g.Freeze(ctx, true))
	s, err := g.Stats()
	require.NoError(t, err)
	assert.True(t, s.Frozen)
	assert.EqualValues(t, 1, s.Pids)
	require.NoError(t, g.Freeze(ctx, false))

	go cmd.Wait() // a zombie that nobody reaps is not in the group either
	require.NoError(t, parent.Remove(ctx), "with a process, and a group below")
	assert.NoDirExists(t, filepath.Dir(g.Path))
}
