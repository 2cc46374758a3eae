package procs

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	p, err := Parse("11 (a (strange) name) S 10 10 10 0\n")
	require.NoError(t, err)
	require.Equal(t, Process{PID: 11, Parent: 10, Name: "a (strange) name", State: "S"}, p)
	require.Equal(t, "a (strange) name(11)", p.String())
	for _, bad := range []string{"", "11 (x", "11 (x) S", "x (x) S 1 1"} {
		_, err := Parse(bad)
		require.Error(t, err, bad)
	}
}

func TestDescendants(t *testing.T) {
	all := []Process{{PID: 2, Parent: 9}, {PID: 5, Parent: 1}, {PID: 9, Parent: 5}, {PID: 11, Parent: 1}}
	require.Equal(t, []Process{{PID: 2, Parent: 9}, {PID: 9, Parent: 5}}, Descendants(all, 5))
	require.Empty(t, Descendants(all, 11))
}

func TestEndFindsOrphans(t *testing.T) {
	require.NoError(t, Adopt())
	mine := func() []Process {
		all, err := All("/proc")
		require.NoError(t, err)
		return Descendants(all, os.Getpid())
	}
	require.NoError(t, exec.Command("sh", "-c", "(sleep 600; true) >/dev/null 2>&1 & sleep 0.05 &").Run())
	killed := End(mine, 300*time.Millisecond, 5*time.Second)
	require.NotEmpty(t, killed)
	for _, p := range killed {
		require.Contains(t, []string{"sh", "sleep"}, p.Name)
	}
	require.Empty(t, mine())
	require.Empty(t, End(mine, 0, time.Second))
}
