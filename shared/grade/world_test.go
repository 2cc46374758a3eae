package grade

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEyes(t *testing.T) {
	before := "22 1 0:20 / / rw - overlay overlay rw\n23 22 0:21 / /proc rw - proc proc rw\n24 22 0:22 / /processes rw - tmpfs tmpfs rw\n25 22 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	assert.Equal(t, []string{"/proc (23)", "/sys/fs/cgroup (25)"}, eyes(before))
	over := before + "31 23 0:40 / /proc rw - tmpfs none rw\n"
	assert.Equal(t, []string{"/proc (31)"}, without(eyes(over), eyes(before)), "one mount over another has the same place and another number")
	assert.Empty(t, without(eyes(before), eyes(over)))
}

func TestAWorldThatStaysIsNotStrange(t *testing.T) {
	w, err := watchWorld()
	require.NoError(t, err)
	assert.Empty(t, w.changed())
	w.was = nil
	assert.Contains(t, w.changed(), "/proc (")
}
