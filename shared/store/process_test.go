package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const statTail = " S 1 7 7 0 -1 4194560 108 0 0 0 0 0 0 0 20 0 1 0 4711 5967872 436\n"

func TestParseStat(t *testing.T) {
	for _, name := range []string{"sleep", "tmux: server", "a) R 1 (b", ")"} {
		got, err := parseStat("42 (" + name + ")" + statTail)
		require.NoError(t, err, name)
		assert.Equal(t, stat{'S', 4711}, got, name)
	}
	for _, bad := range []string{"", "42 (sleep", "42 (sleep) S 1", "42 (sleep)" + " SS" + statTail[2:]} {
		_, err := parseStat(bad)
		assert.Error(t, err, bad)
	}
}

// fakeProc is a procfs of files: one process, one boot.
func fakeProc(t *testing.T, pid int, line, boot string) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("sys/kernel/random/boot_id", boot+"\n")
	write(strconv.Itoa(pid)+"/stat", line)
	return root
}

func TestState(t *testing.T) {
	code := 0
	p := Process{PID: 42, StartTime: 4711, BootID: "this"}
	for what, test := range map[string]struct {
		line, boot string
		r          Record
		want       State
	}{
		"running":       {"42 (sleep)" + statTail, "this", Record{Process: p}, Running},
		"ended":         {"42 (sleep)" + statTail, "this", Record{Process: p, ExitCode: &code}, Exited},
		"never started": {"42 (sleep)" + statTail, "this", Record{}, Created},
		"rebooted":      {"42 (sleep)" + statTail, "another", Record{Process: p}, Exited},
		"reused":        {"42 (sleep)" + statTail, "this", Record{Process: Process{42, 4710, "this"}}, Exited},
		"zombie":        {"42 (sleep) Z" + statTail[2:], "this", Record{Process: p}, Exited},
		"gone":          {"42 (sleep)" + statTail, "this", Record{Process: Process{43, 4711, "this"}}, Exited},
	} {
		got, err := Store{Proc: fakeProc(t, 42, test.line, test.boot)}.State(test.r)
		assert.NoError(t, err, what)
		assert.Equal(t, test.want, got, what)
	}
	_, err := Store{Proc: fakeProc(t, 42, "nonsense", "this")}.State(Record{Process: p})
	assert.Error(t, err, "not to know is not to know that it is dead")
}

func TestSignal(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()

	var s Store
	p, err := s.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	state, err := s.State(Record{Process: p})
	require.NoError(t, err)
	assert.Equal(t, Running, state)

	// Somebody else's PID: the record is that of an earlier owner.
	stranger := p
	stranger.StartTime--
	assert.ErrorIs(t, s.Signal(Record{Process: stranger}, unix.SIGKILL), ErrNotRunning)
	state, err = s.State(Record{Process: p})
	require.NoError(t, err)
	assert.Equal(t, Running, state)

	require.NoError(t, s.Signal(Record{Process: p}, unix.SIGTERM))
	// Not waited for: from its death on it is a zombie, which is no longer running.
	require.Eventually(t, func() bool {
		state, err := s.State(Record{Process: p})
		return err == nil && state == Exited
	}, 10*time.Second, time.Millisecond)
	assert.ErrorIs(t, s.Signal(Record{Process: p}, unix.SIGTERM), ErrNotRunning)
	assert.ErrorIs(t, s.Signal(Record{}, unix.SIGTERM), ErrNotRunning)
}
