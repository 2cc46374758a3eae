package reexec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() {
	Register("echo", func() { fmt.Print(os.Args[1:]) })
	Register("fails", func() {
		h, err := Join()
		if err != nil {
			fmt.Print(err)
			os.Exit(3)
		}
		h.Fail(fmt.Errorf("mount(%q): %w", "/x", unix.EPERM))
		os.Exit(1)
	})
	Register("executes", func() {
		if _, err := Join(); err != nil {
			os.Exit(3)
		}
		unix.Exec("/bin/sh", []string{"sh", "-c", "echo ran; sleep 0.2"}, os.Environ())
		os.Exit(4)
	})
}

func TestMain(m *testing.M) {
	if Init() {
		return
	}
	os.Exit(m.Run())
}

func TestCommandRunsTheStage(t *testing.T) {
	out, err := Command("echo", "a", "b").Output()
	require.NoError(t, err)
	require.Equal(t, "[a b]", string(out))
}

func TestRegisterTwice(t *testing.T) {
	require.Panics(t, func() { Register("echo", func() {}) })
}

func handshake(t *testing.T, stage string) (*Handshake, *exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := Command(stage)
	var out bytes.Buffer
	cmd.Stdout = &out
	h, err := NewHandshake(cmd)
	require.NoError(t, err)
	require.NoError(t, h.Start())
	return h, cmd, &out
}

func TestChildFailureReachesTheParent(t *testing.T) {
	h, cmd, _ := handshake(t, "fails")
	err := h.Proceed()
	require.EqualError(t, err, `mount("/x"): operation not permitted`)
	require.ErrorIs(t, err, unix.EPERM)
	require.Error(t, cmd.Wait())
}

func TestProceedReturnsWhenTheChildExecutes(t *testing.T) {
	h, cmd, out := handshake(t, "executes")
	time.Sleep(20 * time.Millisecond) // the child waits in Join meanwhile
	require.Empty(t, out.String())
	require.NoError(t, h.Proceed())
	require.NoError(t, cmd.Wait())
	require.Equal(t, "ran\n", out.String())
}

func TestAbort(t *testing.T) {
	h, cmd, out := handshake(t, "fails")
	h.Abort()
	err := cmd.Wait()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit))
	require.Equal(t, 3, exit.ExitCode())
	require.Equal(t, ErrParentGone.Error(), out.String())
}

func TestStartFails(t *testing.T) {
	cmd := exec.Command("/does/not/exist")
	h, err := NewHandshake(cmd)
	require.NoError(t, err)
	require.ErrorIs(t, h.Start(), unix.ENOENT)
}
