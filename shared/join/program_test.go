package join

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

// A running is a Program that was started; it waits at Begin, if it has one.
type running struct {
	program *Program
	cmd     *exec.Cmd
	report  *os.File
	out     *printed
}

func startProgram(t *testing.T, p *Program, flags uintptr) *running {
	t.Helper()
	file, err := p.File("test")
	require.NoError(t, err)
	defer file.Close()
	ours, theirs, err := Channel()
	require.NoError(t, err)
	defer theirs.Close()
	r := &running{program: p, report: ours, out: &printed{}}
	r.cmd = &exec.Cmd{Path: fmt.Sprintf("/proc/self/fd/%d", file.Fd()), Args: []string{"test"}, Env: []string{},
		ExtraFiles: []*os.File{theirs}, Stdout: r.out, SysProcAttr: &syscall.SysProcAttr{Cloneflags: flags}}
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() { r.report.Close(); r.cmd.Process.Kill(); r.cmd.Wait() })
	return r
}

// proceed lets it go on, and is what becomes of it.
func (r *running) proceed(t *testing.T) error {
	t.Helper()
	_, err := r.report.Write([]byte{1})
	require.NoError(t, err)
	return r.program.Outcome(r.report)
}

func (r *running) code() int {
	r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

func exits(p *Program, code int) { p.Call("exit", unix.SYS_EXIT_GROUP, code) }

func TestProgramUsesResults(t *testing.T) {
	p := NewProgram()
	pipe := p.Memory(make([]byte, 8))
	p.Call("pipe2", unix.SYS_PIPE2, pipe, 0)
	copied := p.Call("dup", unix.SYS_DUP, 1)
	p.Call("write", unix.SYS_WRITE, copied, "hello\n", 6)
	r := p.Call("write", unix.SYS_WRITE, 77, "nobody\n", 7).Ignore(unix.EBADF)
	p.Call("close", unix.SYS_CLOSE, r).Ignore(unix.EBADF) // what failed has a result, too
	exits(p, 5)
	run := startProgram(t, p, 0)
	assert.NoError(t, p.Outcome(run.report))
	assert.Equal(t, 5, run.code())
	assert.Equal(t, "hello\n", run.out.String())
}

func TestProgramReportsWhatFailed(t *testing.T) {
	p := NewProgram()
	p.Call("close(1)", unix.SYS_CLOSE, 1)
	p.Call("write(1, ...)", unix.SYS_WRITE, 1, "x", 1)
	exits(p, 0)
	run := startProgram(t, p, 0)
	err := p.Outcome(run.report)
	assert.EqualError(t, err, "write(1, ...): bad file descriptor")
	assert.ErrorIs(t, err, unix.EBADF)
	assert.Equal(t, 125, run.code())
}

func TestProgramGoesWhereItIsSent(t *testing.T) {
	p := NewProgram()
	missing, end := &Label{}, &Label{}
	p.Call("open", unix.SYS_OPENAT, unix.AT_FDCWD, "/no/such", unix.O_RDONLY).On(unix.EPERM, end).On(unix.ENOENT, missing)
	exits(p, 1)
	p.Here(missing)
	p.Go(end)
	exits(p, 2)
	p.Here(end)
	at := p.Memory([]byte{7, 1, 0, 0, 0, 0, 0, 0})
	p.Check("is", at, 0xff, 7, unix.EPERM)
	p.Check("is", at, 0xffff, 0x107, unix.EPERM)
	p.CheckNot("is not", at, 0xff, 8, unix.EPERM)
	p.Check("is not", at, 0xff, 8, unix.EDOM).Ignore(unix.EDOM)
	p.CheckNot("is", at, 0xff, 7, unix.ERANGE)
	run := startProgram(t, p, 0)
	assert.ErrorIs(t, p.Outcome(run.report), unix.ERANGE)
}

func TestProgramMistakesAreTold(t *testing.T) {
	p := NewProgram()
	p.Call("x", unix.SYS_CLOSE, 1.5)
	_, err := p.File("x")
	assert.ErrorContains(t, err, "float64")
	p = NewProgram()
	p.Call("x", unix.SYS_CLOSE, "a\x00b")
	_, err = p.File("x")
	assert.Error(t, err)
	p = NewProgram()
	l := &Label{}
	p.Call("x", unix.SYS_CLOSE, 0).On(1, l).On(2, l).On(3, l).On(4, l)
	_, err = p.File("x")
	assert.Error(t, err)
	for _, said := range []string{"x", strings.Repeat("\xff", 16), strings.Repeat("\x00", 16), strings.Repeat("\x00", 32)} {
		assert.ErrorContains(t, NewProgram().Outcome(strings.NewReader(said)), "no sense")
	}
}

// A file of a program is executed by anybody, and changed by nobody.
func TestProgramFileIsSealed(t *testing.T) {
	p := NewProgram()
	exits(p, 0)
	f, err := p.File("sealed")
	require.NoError(t, err)
	defer f.Close()
	w, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR, 0)
	if err == nil { // root opens it all the same
		_, err = w.Write([]byte{0})
		w.Close()
	}
	assert.ErrorIs(t, err, unix.EPERM)
}

// command is a program that runs one, as the child of its own.
func command(args ...string) *Program {
	p := NewProgram()
	p.Begin()
	p.AwaitByte(Report)
	child, parent := p.Fork()
	p.Command(&Cmd{Args: args, Env: []string{"PATH=/nonexistent:/etc:/bin:/usr/bin"}, KeepGroups: true, UID: os.Getuid(), GID: os.Getgid()})
	p.Here(parent)
	p.Call("close_range", unix.SYS_CLOSE_RANGE, 0, ^uint32(0), 0)
	p.Wait(child)
	return p
}

func TestProgramRunsACommand(t *testing.T) {
	for want, args := range map[int][]string{
		0:   {"true"},
		7:   {"sh", "-c", "exit 7"},
		143: {"sh", "-c", "kill -TERM $$"},
		137: {"sh", "-c", "kill -KILL $$"},
		3:   {"sh", "-c", "for i in 1 2 3; do (sleep 0.01 &) done; sleep 0.05; exit 3"}, // orphans, if it is theirs
	} {
		run := startProgram(t, command(args...), 0)
		assert.NoError(t, run.proceed(t), "%v", args)
		assert.Equal(t, want, run.code(), "%v", args)
	}
}

func TestProgramTellsWhatItCannotExecute(t *testing.T) {
	for _, test := range []struct {
		command string
		errno   syscall.Errno
	}{
		{"no-such-command", unix.ENOENT}, {"/no/such", unix.ENOENT}, {"/etc/passwd", unix.EACCES},
		{"/etc/passwd/x", unix.ENOTDIR}, {"passwd-", unix.ENOENT}, {"hostname-is-none", unix.ENOENT}, {"fstab", unix.EACCES},
	} {
		if test.command == "fstab" {
			if _, err := os.Stat("/etc/fstab"); err != nil {
				continue
			}
		}
		if test.command == "passwd-" {
			if _, err := os.Stat("/etc/passwd-"); err == nil {
				continue
			}
		}
		run := startProgram(t, command(test.command), 0)
		err := run.proceed(t)
		var failure *Error
		if assert.ErrorAs(t, err, &failure, test.command) {
			assert.Equal(t, Execve, failure.Step, test.command)
			assert.Equal(t, test.errno, failure.Errno, test.command)
		}
		run.report.Close()
		assert.NotZero(t, run.code())
	}
}

// What we ignore, before or after the program was written, its command does not.
func TestProgramIgnoresNothing(t *testing.T) {
	signal.Ignore(unix.SIGHUP, unix.SIGUSR1)
	defer signal.Reset(unix.SIGHUP, unix.SIGUSR1, unix.SIGPIPE)
	p := command("grep", "SigIgn", "/proc/self/status")
	file, err := p.File("test") // from here on nothing more is written down
	require.NoError(t, err)
	file.Close()
	signal.Ignore(unix.SIGPIPE)
	defer ignoreOwn(t)()
	run := startProgram(t, p, 0)
	require.NoError(t, run.proceed(t))
	assert.Zero(t, run.code())
	assert.Equal(t, "SigIgn:\t0000000000000000\n", run.out.String())
}

// ignoreOwn has this process ignore the C library's signals, as posix_spawn(3) leaves them.
func ignoreOwn(t *testing.T) (undo func()) {
	t.Helper()
	var were [lastSignal - firstOwn + 1][4]uint64 // struct sigaction
	set := func(sig int, now, was *[4]uint64) {
		_, _, errno := unix.Syscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(now)), uintptr(unsafe.Pointer(was)), 8, 0, 0)
		require.Zero(t, errno)
	}
	for i := range were {
		set(firstOwn+i, &[4]uint64{1}, &were[i]) // SIG_IGN
	}
	return func() {
		for i := range were {
			set(firstOwn+i, &were[i], nil)
		}
	}
}

// A parent that is gone ends it.
func TestProgramWithoutAParent(t *testing.T) {
	run := startProgram(t, command("true"), 0)
	require.NoError(t, unix.Shutdown(int(run.report.Fd()), unix.SHUT_WR))
	assert.ErrorIs(t, run.program.Outcome(run.report), unix.ECANCELED)
	assert.Equal(t, 125, run.code())
}

// What it is sent goes to the command, and its own end is the command's alone.
func TestProgramHandsSignalsOn(t *testing.T) {
	run := startProgram(t, command("sh", "-c", `trap 'echo int' INT; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.01; done`), 0)
	require.NoError(t, run.proceed(t))
	run.out.wait(t, "ready\n")
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGCHLD, unix.SIGTERM} {
		require.NoError(t, run.cmd.Process.Signal(sig))
		if sig == unix.SIGINT {
			run.out.wait(t, "int\n")
		}
	}
	assert.Equal(t, 9, run.code())
	assert.Equal(t, "ready\nint\nterm\n", run.out.String())
}

// In a PID namespace it is process 1, and has orphans that nobody else waits for.
func TestProgramIsAnInit(t *testing.T) {
	labtest.NeedRoot(t)
	p := command("sh", "-c", "(sleep 0.1; echo orphan) & :; (sleep 1000 &) ; sleep 0.3; exit 4")
	run := startProgram(t, p, unix.CLONE_NEWPID)
	require.NoError(t, run.proceed(t))
	begin := time.Now()
	assert.Equal(t, 4, run.code())
	assert.Less(t, time.Since(begin), 100*time.Second) // the sleeper was not waited for
	assert.Equal(t, "orphan\n", run.out.String())
}

func TestAReportThatIsCut(t *testing.T) {
	p := NewProgram()
	exits(p, 0)
	assert.ErrorContains(t, p.Outcome(io.LimitReader(strings.NewReader(strings.Repeat("\x01", 16)), 7)), "no sense")
}
