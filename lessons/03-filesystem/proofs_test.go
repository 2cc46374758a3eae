package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

const table = `22 36 0:21 / /proc rw,relatime shared:7 - proc proc rw
36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
37 36 0:50 / /mnt\0402 ro - tmpfs none rw
`

func TestParseMountinfo(t *testing.T) {
	mounts, err := parseMountinfo(strings.NewReader(table))
	require.NoError(t, err)
	require.Len(t, mounts, 3)
	assert.Equal(t, mount{ID: 36, Parent: 35, Root: "/mnt1", Point: "/mnt 2", Options: "rw,noatime",
		Propagation: "master:1 propagate_from:2", Type: "ext3", Source: "/dev/root"}, mounts[1])
	assert.Equal(t, "shared:7", mounts[0].Propagation)
	assert.Empty(t, mounts[2].Propagation)
	assert.Equal(t, "/proc /mnt 2 /mnt 2", points(mounts))
	assert.Equal(t, "(none)", points(nil))

	top, ok := mountAt(mounts, "/mnt 2")
	assert.True(t, ok)
	assert.Equal(t, "tmpfs", top.Type, "the later mount hides the earlier")
	_, ok = mountAt(mounts, "/nowhere")
	assert.False(t, ok)

	for _, bad := range []string{"22 27 0:21 / /proc rw\n", "x 27 0:21 / /proc rw - proc proc rw\n"} {
		_, err := parseMountinfo(strings.NewReader(bad))
		assert.Error(t, err, bad)
	}
}

// The pile is in the order of who hangs on whom, not in that of the lines.
func TestSourcesAt(t *testing.T) {
	pile := []mount{
		{ID: 3, Parent: 2, Point: "/", Source: "top"},
		{ID: 2, Parent: 1, Point: "/", Source: "below"},
		{ID: 4, Parent: 2, Point: "/proc", Source: "proc"},
	}
	assert.Equal(t, "below top", sourcesAt(pile, "/"))
	assert.Equal(t, "proc", sourcesAt(pile, "/proc"))
	assert.Empty(t, sourcesAt(pile, "/sys"))
}

func TestRefusals(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range refusals {
		assert.False(t, ids[c.id], c.id)
		ids[c.id] = true
		assert.Contains(t, []string{"EINVAL", "EBUSY"}, c.errno, c.id)
		assert.False(t, c.mend == nil && c.mendedRoot == "" && c.mendedOld == "", "%s has no remedy", c.id)
	}
}

func TestParseLoaderList(t *testing.T) {
	assert.Equal(t, []string{"/lib/x86_64-linux-gnu/libc.so.6"}, parseLoaderList(
		"\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f00)\n\tlibx.so => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f01)\n"))
}

func TestAnswer(t *testing.T) {
	assert.Equal(t, "ok", answer(nil))
	assert.Equal(t, "EBUSY", answer(fmt.Errorf("umount2: %w", unix.EBUSY)))
	assert.Equal(t, "EINVAL", answer(&actError{"in the actor", unix.EINVAL}))
	assert.Equal(t, "odd", answer(&actError{"odd", 0}))
	assert.Equal(t, "odd", answer(errors.New("odd")))
}
