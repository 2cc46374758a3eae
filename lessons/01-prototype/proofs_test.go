package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/proof"
)

func TestTextsAndProofsAgree(t *testing.T) {
	require.NoError(t, proof.CheckTexts(lesson))
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tcat\nState:\tS (sleeping)\nPPid:\t37\nSigIgn:\t0000000000004000\n"
	state, err := parseStatus(strings.NewReader(text), "State")
	require.NoError(t, err)
	assert.Equal(t, "S (sleeping)", state)

	_, err = parseStatus(strings.NewReader(text), "PP") // the beginning of a name is not the name
	assert.Error(t, err)
}

func TestParseStartTime(t *testing.T) {
	const tail = " S 1 2 3 0 -1 4194560 119 0 0 0 0 0 0 0 20 0 1 0 4711 2600960 245\n"
	for _, name := range []string{"cat", "two words", "1) S 2 (", ")"} {
		began, err := parseStartTime("2 (" + name + ")" + tail)
		require.NoError(t, err, name)
		assert.Equal(t, "4711", began, name)
	}
	for _, bad := range []string{"", "2 (cat", "2 (cat) S 1"} {
		_, err := parseStartTime(bad)
		assert.Error(t, err, bad)
	}
}

func TestParseMountinfo(t *testing.T) {
	const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
37 36 0:50 / /mnt\0402 ro - tmpfs none rw
`
	table, err := parseMountinfo(strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, table, 3)
	assert.Equal(t, mount{ID: 36, Parent: 35, Device: "98:0", Root: "/mnt1", Point: "/mnt 2",
		Options: "rw,noatime", Type: "ext3", Source: "/dev/root"}, table[1])

	top, ok := mountOf(table, "/mnt 2")
	assert.True(t, ok)
	assert.Equal(t, "tmpfs", top.Type, "the later mount hides the earlier")
	_, ok = mountOf(table, "/nowhere")
	assert.False(t, ok)
	assert.Equal(t, "ext3 proc tmpfs", types(table))

	for _, bad := range []string{"22 27 0:21 / /proc rw\n", "x 27 0:21 / /proc rw - proc proc rw\n"} {
		_, err := parseMountinfo(strings.NewReader(bad))
		assert.Error(t, err, bad)
	}
}

func TestIgnores(t *testing.T) {
	assert.True(t, ignores("0000000000004000", syscall.SIGTERM))
	assert.False(t, ignores("0000000000004000", syscall.SIGINT))
	assert.False(t, ignores("", syscall.SIGTERM))
}

func TestExitCode(t *testing.T) {
	// wait(2): the low seven bits are the signal, the next byte the exit status.
	assert.Equal(t, 42, exitCode(syscall.WaitStatus(42<<8)))
	assert.Equal(t, 143, exitCode(syscall.WaitStatus(syscall.SIGTERM)))
	assert.Equal(t, 139, exitCode(syscall.WaitStatus(uint32(syscall.SIGSEGV)|0x80)), "with a core dump")
}
