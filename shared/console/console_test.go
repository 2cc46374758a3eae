package console

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/join"
	"mydocker.example/shared/labtest"
)

// open makes a terminal in this machine's own devpts.
func open(t *testing.T) *Console {
	t.Helper()
	root, err := os.Open("/")
	require.NoError(t, err)
	defer root.Close()
	c, err := Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// start runs a shell script with the terminal as its own, and lets the slave go.
func start(t *testing.T, c *Console, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Slave, c.Slave, c.Slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	require.NoError(t, c.Slave.Close())
	return cmd
}

// screen is what a person sees.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) wait(t *testing.T, word string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(s.String(), word) }, time.Minute, time.Millisecond, "%q in %q", word, s)
}

func TestACommandHasATerminal(t *testing.T) {
	labtest.NeedRoot(t)
	c := open(t)
	require.NoError(t, SetSize(c.Master, unix.Winsize{Row: 33, Col: 99}))
	keys, typed, err := os.Pipe()
	require.NoError(t, err)
	defer keys.Close()
	var s screen
	cmd := start(t, c, `tty; stty size; trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done`)
	r, err := NewRelay(c.Master, keys, &s)
	require.NoError(t, err)
	s.wait(t, "ready")
	assert.Contains(t, s.String(), "/dev/pts/")
	assert.Contains(t, s.String(), "33 99")
	_, err = typed.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.NoError(t, r.Finish())
	assert.Equal(t, 5, cmd.ProcessState.ExitCode())
	assert.Contains(t, s.String(), "caught")
}

func TestEndOfInputIsTyped(t *testing.T) {
	labtest.NeedRoot(t)
	for _, input := range []string{"", "a line\n", "half a line"} {
		c := open(t)
		keys, typed, err := os.Pipe()
		require.NoError(t, err)
		var s screen
		cmd := start(t, c, "stty -echo; cat; echo over")
		_, err = typed.WriteString(input)
		require.NoError(t, err)
		require.NoError(t, typed.Close())
		r, err := NewRelay(c.Master, keys, &s)
		require.NoError(t, err)
		require.NoError(t, cmd.Wait())
		require.NoError(t, r.Finish())
		assert.Contains(t, s.String(), strings.TrimSpace(input))
		assert.Contains(t, s.String(), "over")
		keys.Close()
	}
}

// All that the command has written is shown, though it ends at once.
func TestFinalDrain(t *testing.T) {
	labtest.NeedRoot(t)
	for range 20 {
		c := open(t)
		var s screen
		cmd := start(t, c, "stty -opost; seq 20000; echo last")
		r, err := NewRelay(c.Master, nil, &s)
		require.NoError(t, err)
		require.NoError(t, cmd.Wait())
		require.NoError(t, r.Finish())
		require.True(t, strings.HasSuffix(s.String(), "19999\n20000\nlast\n"), "%d bytes", len(s.String()))
	}
}

// A process in the background keeps the terminal open, and keeps nobody waiting.
func TestFinishDoesNotWaitForTheBackground(t *testing.T) {
	labtest.NeedRoot(t)
	for _, background := range []string{"sleep 1000", "while :; do echo noise; done"} {
		c := open(t)
		var s screen
		cmd := start(t, c, "trap '' HUP; ("+background+") & echo $!; echo word")
		r, err := NewRelay(c.Master, nil, &s)
		require.NoError(t, err)
		require.NoError(t, cmd.Wait())
		done := make(chan error, 1)
		go func() { done <- r.Finish() }()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Fatal("Finish waits")
		}
		assert.Contains(t, s.String(), "word")
		require.NoError(t, unix.Kill(-cmd.Process.Pid, unix.SIGKILL)) // its session's only group: the background
	}
}

// What is typed after the end stays where it is.
func TestFinishLeavesTheInput(t *testing.T) {
	labtest.NeedRoot(t)
	c := open(t)
	keys, typed, err := os.Pipe()
	require.NoError(t, err)
	defer keys.Close()
	defer typed.Close()
	cmd := start(t, c, "true")
	r, err := NewRelay(c.Master, keys, &screen{})
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.NoError(t, r.Finish())
	_, err = typed.WriteString("ls")
	require.NoError(t, err)
	got := make([]byte, 2)
	_, err = keys.Read(got)
	require.NoError(t, err)
	assert.Equal(t, "ls", string(got))
}

func TestRawAndBack(t *testing.T) {
	labtest.NeedRoot(t)
	person := open(t)
	before, err := termios(person.Slave)
	require.NoError(t, err)
	assert.True(t, IsTerminal(person.Slave))
	restore, err := Raw(person.Slave)
	require.NoError(t, err)
	raw, err := termios(person.Slave)
	require.NoError(t, err)
	assert.Zero(t, raw.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG))
	assert.Zero(t, raw.Oflag&unix.OPOST)
	restore()
	restore()
	after, err := termios(person.Slave)
	require.NoError(t, err)
	assert.Equal(t, before, after)

	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	_, err = Raw(null)
	assert.ErrorIs(t, err, unix.ENOTTY)
	assert.False(t, IsTerminal(null))
}

func TestFollowTheSize(t *testing.T) {
	labtest.NeedRoot(t)
	person, container := open(t), open(t)
	require.NoError(t, SetSize(person.Master, unix.Winsize{Row: 10, Col: 20}))
	stop := Follow(person.Slave, container.Master)
	defer stop()
	size, err := Size(container.Slave)
	require.NoError(t, err)
	assert.EqualValues(t, 20, size.Col, "at once")
	require.NoError(t, SetSize(person.Master, unix.Winsize{Row: 11, Col: 21}))
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGWINCH)) // it is not our session's terminal
	require.Eventually(t, func() bool {
		size, err := Size(container.Slave)
		return err == nil && size.Row == 11 && size.Col == 21
	}, time.Minute, time.Millisecond)
	stop()
	stop()
}

// running runs a program that has a socket as its descriptor 3, and /. ours is the other end.
func running(t *testing.T, write func(p *join.Program, root join.Result)) (ours *os.File, cmd *exec.Cmd) {
	t.Helper()
	ours, theirs, err := Socket()
	require.NoError(t, err)
	t.Cleanup(func() { ours.Close() })
	defer theirs.Close()
	p := join.NewProgram()
	write(p, p.Call("open(/)", unix.SYS_OPENAT, 0, "/", unix.O_PATH))
	p.Call("exit", unix.SYS_EXIT_GROUP, 0)
	file, err := p.File("program")
	require.NoError(t, err)
	defer file.Close()
	cmd = &exec.Cmd{Path: fmt.Sprintf("/proc/self/fd/%d", file.Fd()), Args: []string{"program"}, ExtraFiles: []*os.File{theirs}}
	require.NoError(t, cmd.Start())
	return ours, cmd
}

// A terminal that was made in a process of calls only arrives here, and carries.
func TestProgram(t *testing.T) {
	labtest.NeedRoot(t)
	ours, cmd := running(t, func(p *join.Program, root join.Result) {
		slave := Program(p, root, 3, 0, 0, unix.Winsize{Row: 12, Col: 34})
		p.Call("write(pts)", unix.SYS_WRITE, slave, "word", 4)
		p.Call("read(pts)", unix.SYS_READ, slave, make([]byte, 1), 1) // until we say so
	})
	master, err := Receive(ours)
	require.NoError(t, err)
	defer master.Close()
	size, err := Size(master)
	require.NoError(t, err)
	assert.Equal(t, unix.Winsize{Row: 12, Col: 34}, size)
	var s screen
	r, err := NewRelay(master, nil, &s)
	require.NoError(t, err)
	s.wait(t, "word")
	_, err = master.Write([]byte("\n"))
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.NoError(t, r.Finish())
	_, err = Receive(ours)
	assert.Error(t, err, "who ends sends nothing")
}

func TestReceiveTakesNoOther(t *testing.T) {
	ours, cmd := running(t, func(p *join.Program, root join.Result) { p.Send(3, 0) }) // /dev/null
	_, err := Receive(ours)
	assert.ErrorContains(t, err, "no master")
	require.NoError(t, cmd.Wait())
}

// A container whose /dev is not what it seems gets no terminal, and nobody opens what it
// put there: opening the pipe would wait for ever.
func TestOpenTakesNothingElse(t *testing.T) {
	for name, plant := range map[string]func(dir string) error{
		"nothing": func(string) error { return nil },
		"a file":  func(dir string) error { return os.WriteFile(dir+"/dev/pts/ptmx", nil, 0o666) },
		"a pipe":  func(dir string) error { return unix.Mkfifo(dir+"/dev/pts/ptmx", 0o666) },
		"a link":  func(dir string) error { return os.Symlink("/dev/pts/ptmx", dir+"/dev/pts/ptmx") },
		"a folder that is a link": func(dir string) error {
			return os.Rename(dir+"/dev/pts", dir+"/dev/x")
		},
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "dev/pts"), 0o755))
		require.NoError(t, plant(dir))
		if name == "a folder that is a link" {
			require.NoError(t, os.Symlink("/dev/pts", dir+"/dev/pts"))
		}
		root, err := os.Open(dir)
		require.NoError(t, err)
		_, err = Open(root)
		assert.Error(t, err, name)
		root.Close()
	}
}
