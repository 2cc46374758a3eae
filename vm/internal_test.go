package vm

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/vm/internal/wire"
)

func TestCommasInPathsAreDoubled(t *testing.T) {
	assert.Equal(t, "/a,,b/c", escape("/a,b/c"))
}

func TestConsoleTailBeginsAtThePanic(t *testing.T) {
	text := "[ 1.0] noise\r\n[ 3.8] Kernel panic - not syncing: x\n[ 3.9]  ? guess\n[ 3.9] RIP: 0033:0x47\n[ 3.9] CPU: 1 PID: 7\n"
	assert.Equal(t, "[ 3.8] Kernel panic - not syncing: x\n[ 3.9] CPU: 1 PID: 7", consoleTail(text))
}

func TestConsoleTailIsBounded(t *testing.T) {
	var b tailBuffer
	for range 10_000 {
		b.Write([]byte("a line of the console\n"))
	}
	assert.Len(t, bytes.Split([]byte(b.String()), []byte("\n")), consoleLines)
}

func TestOldQEMUGetsTheSafeFlags(t *testing.T) {
	for version, safe := range map[string]bool{"7.2.15": true, "8.0": true, "9.0.0": false, "10.0.2": false, "": true} {
		s := spec{accel: tcg, image: Image{QEMU: QEMU{Version: version}}}
		assert.Equal(t, safe, s.oldQEMU(), version)
		assert.Equal(t, safe, s.cpus() == 1, version)
	}
}

func TestSnapshotIsKeyedByItsInputsAndNotByTheShare(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	base := spec{accel: tcg, image: Image{Key: "a"}}
	key := func(s spec) string {
		dir, err := s.snapshotDir()
		require.NoError(t, err)
		return filepath.Base(dir)
	}
	shared, other, newer := base, base, base
	shared.share, other.image.Key, newer.image.QEMU.Version = "/elsewhere", "b", "11.0"
	assert.Equal(t, key(base), key(shared))
	assert.NotEqual(t, key(base), key(other))
	assert.NotEqual(t, key(base), key(newer))
}

func TestLockIsExclusiveAndGoesWithItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "lock")
	unlock, err := tryLock(path)
	require.NoError(t, err)
	_, err = tryLock(path)
	assert.ErrorIs(t, err, errBusy)
	unlock()
	unlock, err = tryLock(path)
	require.NoError(t, err)
	unlock()
}

func TestVerdictIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accel.json")
	require.NoError(t, writeVerdict(path, verdict{tcg, "because"}))
	v, err := readVerdict(path)
	require.NoError(t, err)
	assert.Equal(t, verdict{tcg, "because"}, v)
	entries, _ := os.ReadDir(filepath.Dir(path))
	assert.Len(t, entries, 1)
}

func TestUnknownAcceleratorIsNamed(t *testing.T) {
	t.Setenv("LAB_ACCEL", "warp")
	_, err := chooseAccel(t.Context(), Options{})
	assert.ErrorContains(t, err, `LAB_ACCEL="warp": the lab knows kvm, hvf and tcg`)
}

func TestQMPReadsPastGreetingAndEvents(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		readLine(theirs)
		theirs.Write([]byte(`{"QMP": {}}` + "\n" + `{"event": "RESUME"}` + "\n" + `{"return": {"status": "completed"}}` + "\n"))
		readLine(theirs)
		theirs.Write([]byte(`{"error": {"class": "GenericError", "desc": "no such thing"}}` + "\n"))
	}()
	answer, err := qmpQuery(ours, "query-migrate", nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"status": "completed"}`, string(answer))
	_, err = qmpQuery(ours, "nonsense", nil)
	assert.ErrorContains(t, err, "QMP nonsense: no such thing")
}

func TestLongPayloadsGoInSeveralFrames(t *testing.T) {
	var b bytes.Buffer
	c := wire.NewConn(&b)
	data := bytes.Repeat([]byte("x"), wire.MaxPayload*2+7)
	require.NoError(t, c.Send(wire.Stdin, 9, data))
	var got []byte
	for range 3 {
		f, err := c.Receive()
		require.NoError(t, err)
		assert.Equal(t, wire.Stdin, f.Kind)
		assert.EqualValues(t, 9, f.ID)
		got = append(got, f.Payload...)
	}
	assert.Equal(t, data, got)
}
