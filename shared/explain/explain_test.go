package explain

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		call  string
		errno unix.Errno
	}{
		"pivot_root EINVAL":                             {"pivot_root", unix.EINVAL},
		"einval Pivot_Root":                             {"pivot_root", unix.EINVAL},
		`pivot_root(".", "."): invalid argument`:        {"pivot_root", unix.EINVAL},
		"sh: /bin/x: execve: No such file or directory": {"execve", unix.ENOENT},
		"EBUSY": {"", unix.EBUSY},
		"mount": {"mount", 0},
		"write(/sys/fs/cgroup/a/cgroup.procs): EBUSY": {"cgroup.procs", unix.EBUSY},
	} {
		call, errno, err := Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want.call, call, text)
		assert.Equal(t, want.errno, errno, text)
	}
	_, _, err := Parse("it does not work")
	assert.ErrorContains(t, err, "it does not work")
}

func TestErrorFindsTheCallThatFailed(t *testing.T) {
	err := fmt.Errorf("container init: %w", fmt.Errorf("pivot_root(%q, %q): %w", ".", ".", unix.EBUSY))
	causes := Error(err)
	require.Len(t, causes, 1)
	assert.Equal(t, "03:pivot-refuses", causes[0].Proof)

	assert.Empty(t, Error(errors.New("pivot_root: no errno in it")))
	assert.Empty(t, Error(fmt.Errorf("somewhere: %w", unix.EBUSY)), "no call in it")
}

func TestEachAnswerHasOneEntryInBothLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range table {
		key := c.Call + " " + unix.ErrnoName(c.Errno)
		assert.False(t, seen[key], "%s stands in the table twice", key)
		seen[key] = true
		assert.NotEmpty(t, c.En, key)
		assert.NotEmpty(t, c.Ru, key)
		call, errno, err := Parse(key)
		require.NoError(t, err)
		assert.Equal(t, []Cause{c}, Find(call, errno))
	}
}
