package main

import (
	"strconv"
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

func TestParseStatus(t *testing.T) {
	const text = "Name:\tcat\nPPid:\t37\nNSpid:\t437\t12\t1\n"
	nspid, err := parseStatus(strings.NewReader(text), "NSpid")
	require.NoError(t, err)
	assert.Equal(t, "437\t12\t1", nspid)

	_, err = parseStatus(strings.NewReader(text), "NS") // the beginning of a name is not the name
	assert.Error(t, err)
}

func TestParseMaps(t *testing.T) {
	const text = `55d0c2a00000-55d0c2a04000 r--p 00000000 00:1b 1234   /usr/bin/dash
55d0c2a21000-55d0c2a43000 rw-p 00000000 00:00 0                          [heap]
7ffd2a000000-7ffd2a021000 rw-p 00000000 00:00 0 [stack]
`
	found, err := parseMaps(strings.NewReader(text))
	require.NoError(t, err)
	assert.Equal(t, []region{{0x55d0c2a21000, 0x55d0c2a43000}, {0x7ffd2a000000, 0x7ffd2a021000}}, found)

	_, err = parseMaps(strings.NewReader("not a map\n"))
	assert.Error(t, err)
}

func TestAddresses(t *testing.T) {
	memory := map[uint64]string{0x1000: "xxalicexalice...", 0x2000: "nothing of the kind"}
	read := func(at uint64, into []byte) error { copy(into, memory[at]); return nil }
	regions := []region{{0x1000, 0x1010}, {0x2000, 0x2013}}
	found, err := addresses(regions, "alice", read)
	require.NoError(t, err)
	assert.Equal(t, []uint64{0x1002, 0x1008}, found)

	_, err = addresses(regions, "trudy", read)
	assert.Error(t, err)
}

func TestParseSyscall(t *testing.T) {
	futex := strconv.Itoa(unix.SYS_FUTEX) // its number depends on the processor
	assert.Equal(t, "futex(FUTEX_WAIT_PRIVATE), no time limit",
		parseSyscall(futex+" 0xc000050148 0x80 0x0 0x0 0x0 0x0 0x7ffd 0x46a1c3\n"))
	for _, other := range []string{
		futex + " 0xc000050148 0x80 0x0 0xc000041e10 0x0 0x0 0x7ffd 0x46a1c3", // with a time limit
		futex + " 0xc000050148 0x81 0x0 0x0 0x0 0x0 0x7ffd 0x46a1c3",          // a wake
		"63 0x0 0xc000050148 0x1 0x0 0x0 0x0 0x7ffd 0x46a1c3",                 // read(2)
		"running",
	} {
		assert.Equal(t, other, parseSyscall(other), "not that call")
	}
}

func TestNewcomer(t *testing.T) {
	assert.Equal(t, 3, newcomer([]int{1, 2}, []int{1, 2, 3}))
	assert.Equal(t, 0, newcomer([]int{1, 2}, []int{2}))
}
