package caps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/syndtr/gocapability/capability"
	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for _, word := range []string{"NET_RAW", "CAP_NET_RAW", "cap_net_raw", "net_raw", "Cap_Net_Raw"} {
		got, err := Parse(word)
		require.NoError(t, err, word)
		assert.Equal(t, Of(unix.CAP_NET_RAW), got, word)
	}
	got, err := Parse("all")
	require.NoError(t, err)
	assert.Equal(t, Set(1<<41-1), got)
}

func TestUnknownNamesTheNearest(t *testing.T) {
	for word, nearest := range map[string]string{
		"NET_RWA": "NET_RAW", "SYSADMIN": "SYS_ADMIN", "CAP_CHWON": "CHOWN", "MKNODE": "MKNOD",
		"DAC_READSEARCH": "DAC_READ_SEARCH", "AL": "ALL", "": "ALL",
	} {
		_, err := Parse(word)
		var unknown *UnknownError
		require.ErrorAs(t, err, &unknown, word)
		assert.ErrorIs(t, err, ErrUnknown)
		assert.Equal(t, nearest, unknown.Nearest, word)
		assert.ErrorContains(t, err, `"`+word+`"`)
	}
}

func TestNames(t *testing.T) {
	s := Of(unix.CAP_CHOWN, unix.CAP_CHECKPOINT_RESTORE, 63)
	assert.Equal(t, "CAP_CHOWN,CAP_CHECKPOINT_RESTORE,63", s.String())
	assert.Equal(t, "8000010000000001", s.Hex())
	assert.Equal(t, 3, s.Len())
	assert.Empty(t, Set(0).Names())
}

// The names are those of the library that we do without.
func TestNamesAreTheKernels(t *testing.T) {
	for _, c := range capability.List() {
		assert.Equal(t, "CAP_"+strings.ToUpper(c.String()), name(int(c)))
	}
	assert.Len(t, known, len(capability.List()))
}

// The number is docker's own: CapEff of `docker run … cat /proc/self/status`.
func TestDocker(t *testing.T) { assert.Equal(t, "00000000a80425fb", Docker.Hex()) }

func TestChoose(t *testing.T) {
	one := func(c int) Set { return Of(c) }
	for _, c := range []struct {
		add, drop []string
		want      Set
	}{
		{nil, nil, Docker},
		{nil, []string{"NET_RAW", "cap_mknod"}, Docker &^ Of(unix.CAP_NET_RAW, unix.CAP_MKNOD)},
		{[]string{"SYS_TIME"}, nil, Docker | one(unix.CAP_SYS_TIME)},
		{[]string{"SYS_TIME"}, []string{"KILL"}, Docker&^one(unix.CAP_KILL) | one(unix.CAP_SYS_TIME)},
		{[]string{"KILL"}, []string{"KILL"}, Docker},
		{nil, []string{"ALL"}, 0},
		{[]string{"CHOWN"}, []string{"ALL"}, one(unix.CAP_CHOWN)},
		{[]string{"ALL"}, nil, all},
		{[]string{"ALL"}, []string{"MKNOD"}, all &^ one(unix.CAP_MKNOD)},
		{[]string{"ALL", "CHOWN"}, []string{"ALL"}, all},
	} {
		got, err := Choose(c.add, c.drop)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "add %v, drop %v: %s", c.add, c.drop, got)
	}
	_, err := Choose([]string{"NOPE"}, nil)
	assert.ErrorIs(t, err, ErrUnknown)
	_, err = Choose([]string{"ALL"}, []string{"NOPE"})
	assert.ErrorIs(t, err, ErrUnknown)
}

const status = `Name:	cat
CapInh:	0000000000000000
CapPrm:	00000000a80425fb
CapEff:	00000000a80425fb
CapBnd:	000001ffffffffff
CapAmb:	0000000000000001
NoNewPrivs:	1
`

func TestParseStatus(t *testing.T) {
	got, err := ParseStatus(strings.NewReader(status))
	require.NoError(t, err)
	assert.Equal(t, Sets{Permitted: Docker, Effective: Docker, Bounding: 1<<41 - 1, Ambient: 1}, got)
	_, err = ParseStatus(strings.NewReader(strings.Replace(status, "CapBnd", "CapBound", 1)))
	assert.Error(t, err)
	_, err = ParseStatus(strings.NewReader(strings.Replace(status, "0001ff", "0x01ff", 1)))
	assert.Error(t, err)
}

func TestFilesOfProc(t *testing.T) {
	proc := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(proc, "sys/kernel"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(proc, "7"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "sys/kernel/cap_last_cap"), []byte("40\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "7/status"), []byte(status), 0o644))
	known, err := Known(proc)
	require.NoError(t, err)
	assert.Equal(t, "000001ffffffffff", known.Hex())
	sets, err := OfProcess(proc, 7)
	require.NoError(t, err)
	assert.Equal(t, Docker, sets.Effective)
}

func TestBounding(t *testing.T) {
	now, err := Thread()
	require.NoError(t, err)
	assert.Equal(t, now.Bounding, Bounding())
}
