package screen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/internal/procs"
)

const soon = 5 * time.Second

func open(t *testing.T, o Options, argv ...string) *Screen {
	s, err := Start(t.Context(), o, argv...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestAPersonTypesAndReads(t *testing.T) {
	s := open(t, Options{Env: []string{"GREETING=привет"}}, "sh", "-c", `printf "$GREETING, "; read name; echo "и вам, $name"; exit 7`)
	require.NoError(t, s.WaitFor(t.Context(), "привет,", soon))
	require.NoError(t, s.Line("Анна; echo -n $HOME"))
	require.NoError(t, s.WaitFor(t.Context(), "и вам, Анна; echo -n $HOME", soon))
	code, err := s.WaitEnd(t.Context(), soon)
	require.NoError(t, err)
	require.Equal(t, 7, code)
	seen, err := s.Capture()
	require.NoError(t, err)
	require.Contains(t, seen, "и вам", "what a command said last stays")
}

func TestKeysSizeAndTerminal(t *testing.T) {
	s := open(t, Options{Width: 40, Height: 10, Env: []string{"TERM=dumb"}}, "bash", "--norc", "-c",
		`trap 'stty size' WINCH; trap 'echo stopped; exit 3' INT; echo "$TERM"; stty size; while :; do sleep 0.05; done`)
	require.NoError(t, s.WaitFor(t.Context(), "dumb\n10 40", soon))
	require.NoError(t, s.Resize(100, 30))
	require.NoError(t, s.WaitFor(t.Context(), "30 100", soon))
	require.NoError(t, s.Clear())
	seen, err := s.Capture()
	require.NoError(t, err)
	require.NotContains(t, seen, "dumb")
	require.NoError(t, s.Keys("C-c"))
	code, err := s.WaitEnd(t.Context(), soon)
	require.NoError(t, err)
	require.Equal(t, 3, code)
}

func TestTwoPanesAndLongLines(t *testing.T) {
	above := open(t, Options{}, "sh", "-c", "seq 100; printf '%0100d!\\n' 0; read line")
	below, err := above.Split(Options{Dir: "/"}, "sh", "-c", "pwd; kill -9 $$")
	require.NoError(t, err)
	require.NoError(t, above.WaitFor(t.Context(), strings.Repeat("0", 100)+"!", soon), "though the width has broken it")
	require.NoError(t, above.WaitFor(t.Context(), "1\n2\n3\n", soon), "though it is scrolled away")
	code, err := below.WaitEnd(t.Context(), soon)
	require.NoError(t, err)
	require.Equal(t, 128+9, code)
	require.NoError(t, below.WaitFor(t.Context(), "/", soon))
}

func TestFailureShowsTheScreen(t *testing.T) {
	s := open(t, Options{}, "sh", "-c", "echo what there is; read line; exit 1")
	require.NoError(t, s.WaitFor(t.Context(), "what there is", soon))
	err := s.WaitFor(t.Context(), "what there is not", time.Millisecond)
	require.ErrorContains(t, err, "what there is not")
	require.ErrorContains(t, err, "| what there is")
	require.NoError(t, s.Keys("Enter"))
	require.ErrorContains(t, s.WaitFor(t.Context(), "never", time.Hour), "ended with 1, without \"never\"")
}

func TestCloseLeavesNothing(t *testing.T) {
	s, err := Start(t.Context(), Options{}, "sh", "-c", "sleep 1000 & setsid sleep 1001 & echo $!; echo started; wait")
	require.NoError(t, err)
	require.NoError(t, s.WaitFor(t.Context(), "started", soon))
	all, err := s.All()
	require.NoError(t, err)
	stray, err := strconv.Atoi(strings.Fields(all)[0])
	require.NoError(t, err)
	dir := s.server.dir
	old := *s.server
	require.ErrorContains(t, s.Close(), "sleep", "one that has left the terminal is told of")
	require.NoDirExists(t, dir)
	require.Eventually(t, func() bool { return len(alive([]procs.Process{{PID: stray, Name: "sleep"}})) == 0 }, soon, lookEvery)
	require.NotNil(t, old.cmd.ProcessState, "the server was waited for")
}

func TestNoTmux(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Options{}, "true")
	require.ErrorIs(t, err, ErrNoTmux)
	require.ErrorContains(t, err, "apt-get install tmux")
}

// The server is this process's child and the commands are the server's: a test that is killed
// takes both along.
func TestTheServerDiesWithTheTest(t *testing.T) {
	if os.Getenv("SCREEN_ORPHAN") != "" {
		s, err := Start(t.Context(), Options{}, "sleep", "1000")
		require.NoError(t, err)
		pid, err := s.PID()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(os.Getenv("SCREEN_ORPHAN"), []byte(strconv.Itoa(pid)+" "+s.server.dir), 0o600))
		unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	note := filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command(os.Args[0], "-test.run=^TestTheServerDiesWithTheTest$")
	cmd.Env = append(os.Environ(), "SCREEN_ORPHAN="+note)
	require.ErrorContains(t, cmd.Run(), "killed")
	text, err := os.ReadFile(note)
	require.NoError(t, err)
	pid, dir, _ := strings.Cut(string(text), " ")
	defer os.RemoveAll(dir)
	n, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(alive([]procs.Process{{PID: n, Name: "sleep"}})) == 0 }, 30*time.Second, lookEvery)
}

func TestFactor(t *testing.T) {
	t.Setenv("LAB_SCALE", "")
	assert.InDelta(t, 2, factor(0, 2), 0)
	assert.InDelta(t, 2, factor(1.9, 2), 0)
	assert.InDelta(t, 4, factor(8, 2), 0)
	assert.InDelta(t, 10, factor(100, 2), 0)
	t.Setenv("LAB_SCALE", "12")
	assert.InDelta(t, 4, factor(0, 2), 0)
}

func TestLocale(t *testing.T) {
	assert.Equal(t, []string{"LANG=ru_RU.UTF-8"}, utf8([]string{"LANG=ru_RU.UTF-8"}))
	assert.Equal(t, []string{"LC_ALL=C", "LANG=ru_RU.UTF-8", "LC_ALL=C.UTF-8"}, utf8([]string{"LC_ALL=C", "LANG=ru_RU.UTF-8"}))
	assert.Equal(t, []string{"LC_CTYPE=C.UTF-8"}, utf8(nil))
}
