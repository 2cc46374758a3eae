package proof

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/vm"
)

// inLab runs the fake lesson where lessons run. That needs an image in the cache, and no
// root; the guest itself has none.
func inLab(t *testing.T, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	if _, err := vm.Find(); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "FAKE_LESSON=1", "LAB=", "COURSE_LANG=en", "STEP=", "ONLY=", "JSON=")
	cmd.Env = append(cmd.Env, env...)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// One run through everything that concerns guests: shared, lost, hung, died, new.
func TestGuests(t *testing.T) {
	cmd, out := inLab(t, "ONLY=holds,leaves,orphans,attack,student,hangs,dies,may-die,errno")
	cmd.Run()
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), out)
	require.Contains(t, story(out.String()), "9.1 PROVED")
	require.Regexp(t, `(?s)id -u → [1-9]\d*\n  left behind, ended by the engine: sleep\(\d+\)\n  PROVED`, out)
	require.Regexp(t, `(?s)9\.6 hangs.*REFUTED\n  - the proof did not end within`, out)
	require.Regexp(t, `(?s)dies: About dies.*REFUTED\n  - the guest died during the proof\n  the guest's console ended with:\n  \| .*sysrq`, out)
	require.Regexp(t, `(?s)may-die: About may-die.*sysrq c\n  PROVED\n`, out)
	require.Regexp(t, `\nproved: 6, refuted: 3 \(9\.3 errno, 9\.6 hangs, 9\.\d+ dies\)\n$`, out)
}

func TestInterruptedInTheLab(t *testing.T) {
	cmd, _ := inLab(t, "ONLY=hangs")
	port, theirs, err := os.Pipe()
	require.NoError(t, err)
	defer port.Close()
	cmd.Stdout, cmd.Stderr = theirs, theirs
	require.NoError(t, cmd.Start())
	theirs.Close()
	buffer := make([]byte, 4096)
	for said := ""; !strings.Contains(said, "hangs: About"); {
		n, err := port.Read(buffer)
		require.NoError(t, err)
		said += string(buffer[:n])
	}
	time.Sleep(100 * time.Millisecond) // the guest is on its way
	begun := time.Now()
	require.NoError(t, cmd.Process.Signal(unix.SIGINT))
	cmd.Wait()
	require.Equal(t, 130, cmd.ProcessState.ExitCode())
	require.Less(t, time.Since(begun), 10*time.Second)
}
