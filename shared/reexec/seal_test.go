package reexec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() {
	Register("seals", func() {
		if err := Seal(); err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
		os.Stdout.WriteString(os.Args[1])
		os.Stdout.Close() // the test reads to the end
		time.Sleep(time.Minute)
	})
}

// writable tries to write to a process's program, as one in its container could: open what
// it runs while it runs, and write to that when it no longer does.
func writable(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	word := make([]byte, 100)
	n, err := out.Read(word)
	require.NoError(t, err)
	require.Equal(t, "word", string(word[:n]), "the arguments are kept")
	held, err := os.Open(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for {
		fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", held.Fd()), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ETXTBSY) { // another test runs it just now
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil {
			_, err = unix.Write(fd, []byte("#!"))
			unix.Close(fd)
		}
		return err
	}
}

// program is a copy of this test, owned by who runs it.
func program(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "reexec")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	data, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	path := filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(path, data, 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chown(path, uid, -1))
	return path
}

func TestSeal(t *testing.T) {
	cmd := &exec.Cmd{Path: program(t, -1), Args: []string{"seals", "word"}}
	err := writable(t, cmd)
	if os.Getuid() == 0 {
		require.ErrorIs(t, err, unix.EROFS, "by way of a read-only mount")
	} else {
		require.ErrorIs(t, err, unix.EPERM, "a sealed copy")
	}
}

func TestSealOfWhoMayNotMount(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("TestSeal has shown it")
	}
	const nobody = 65534
	cmd := &exec.Cmd{Path: program(t, nobody), Args: []string{"seals", "word"}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	require.ErrorIs(t, writable(t, cmd), unix.EPERM)
}

// The positive control: a program that has not sealed itself is written to.
func TestUnsealedIsWritable(t *testing.T) {
	cmd := &exec.Cmd{Path: program(t, -1), Args: []string{"waits", "word"}}
	require.NoError(t, writable(t, cmd))
}

func TestSealed(t *testing.T) {
	f, err := Sealed()
	require.NoError(t, err)
	defer f.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	cmd.Args = []string{"echo", "a"}
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "[a]", string(out))
}

func init() {
	Register("waits", func() {
		os.Stdout.WriteString(os.Args[1])
		time.Sleep(time.Minute)
	})
}
