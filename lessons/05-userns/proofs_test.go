package main

import (
	"strings"
	"syscall"
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
	const text = "Name:\tcat\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t000001ffffffffff\n"
	uid, err := parseStatus(strings.NewReader(text), "Uid")
	require.NoError(t, err)
	assert.Equal(t, "1000\t1000\t1000\t1000", uid)
	_, err = parseStatus(strings.NewReader(text), "Cap") // the beginning of a name is not the name
	assert.Error(t, err)
}

func TestParseMap(t *testing.T) {
	got, err := parseMap("0 1000 1, 1 100000 65535")
	require.NoError(t, err)
	assert.Equal(t, []syscall.SysProcIDMap{
		{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65535},
	}, got)
	for _, bad := range []string{"", "0 1", "0 1 x", "0 1 1,"} {
		_, err := parseMap(bad)
		assert.Error(t, err, bad)
	}
}

func TestPlain(t *testing.T) {
	assert.Equal(t, "0 1000 1, 1 100000 65535", plain("         0       1000          1\n         1     100000      65535\n"))
	assert.Equal(t, "", plain(""))
}

func TestLines(t *testing.T) {
	assert.Equal(t, "0 1000 1, 1 1001 1", lines(2))
	assert.Equal(t, 339, strings.Count(lines(340), ","))
}

func TestPadded(t *testing.T) {
	assert.Len(t, padded(4095), 4095)
	assert.Equal(t, "0 100000 1", strings.TrimSpace(padded(4095)))
}

func TestAnswer(t *testing.T) {
	assert.Equal(t, "ok", answer(nil))
	assert.Equal(t, "EPERM", answer(&mistake{unix.EPERM}))
	assert.Equal(t, "EACCES", said("a text", unix.EACCES))
	assert.Equal(t, "a text", said("a text", nil))
}

type mistake struct{ errno unix.Errno }

func (m *mistake) Error() string { return "mistake" }
func (m *mistake) Unwrap() error { return m.errno }

func TestDevice(t *testing.T) {
	dev, err := device("254 3")
	require.NoError(t, err)
	assert.Equal(t, uint32(254), unix.Major(uint64(dev)))
	assert.Equal(t, uint32(3), unix.Minor(uint64(dev)))
	_, err = device("254")
	assert.Error(t, err)
}
