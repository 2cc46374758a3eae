package vm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/vm"
)

// start gives a guest of the cached image. Package image builds it; these tests do not.
func start(t *testing.T, o vm.Options) *vm.Guest {
	t.Helper()
	if _, err := vm.Find(); errors.Is(err, vm.ErrNoImage) {
		t.Skip(err)
	}
	g, err := vm.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.Close()) })
	return g
}

func TestExitCodesAreTheCommandsOwn(t *testing.T) {
	g := start(t, vm.Options{})
	for script, want := range map[string]int{
		"exit 0": 0, "exit 1": 1, "exit 5": 5, "exit 255": 255, "kill -9 $$": 137, "kill -TERM $$": 143,
	} {
		code, err := g.Run(t.Context(), vm.Cmd{Argv: []string{"bash", "-c", script}})
		require.NoError(t, err)
		assert.Equal(t, want, code, script)
	}
	for program, want := range map[string]int{"no-such-program": 127, "/nowhere/at/all": 127, "/etc/passwd": 126} {
		var said bytes.Buffer
		code, err := g.Run(t.Context(), vm.Cmd{Argv: []string{program}, Stderr: &said})
		require.NoError(t, err)
		assert.Equal(t, want, code, program)
		assert.Contains(t, said.String(), "lab: ")
	}
}

func TestStreams(t *testing.T) {
	g := start(t, vm.Options{})
	var out, errs, events bytes.Buffer
	code, err := g.Run(t.Context(), vm.Cmd{
		Argv:  []string{"bash", "-c", `cat; echo "$GREETING" >&2; echo fact >&$COURSE_EVENTS; pwd`},
		Env:   []string{"GREETING=hello"},
		Dir:   "/usr",
		Stdin: strings.NewReader("from the host\n"), Stdout: &out, Stderr: &errs, Events: &events,
	})
	require.NoError(t, err)
	assert.Zero(t, code)
	assert.Equal(t, "from the host\n/usr\n", out.String())
	assert.Equal(t, "hello\n", errs.String())
	assert.Equal(t, "fact\n", events.String())
}

func TestOutputStreamsWhileTheCommandRuns(t *testing.T) {
	g := start(t, vm.Options{})
	r, w := io.Pipe()
	answer, question := io.Pipe()
	go func() {
		g.Run(t.Context(), vm.Cmd{Argv: []string{"bash", "-c", "echo ready; read x; echo got $x"}, Stdin: answer, Stdout: w})
		w.Close()
	}()
	line := make([]byte, 6)
	_, err := io.ReadFull(r, line) // the command waits for us: this line came while it runs
	require.NoError(t, err)
	assert.Equal(t, "ready\n", string(line))
	question.Write([]byte("it\n"))
	rest, _ := io.ReadAll(r)
	assert.Equal(t, "got it\n", string(rest))
}

func TestTerminal(t *testing.T) {
	g := start(t, vm.Options{})
	var out bytes.Buffer
	code, err := g.Run(t.Context(), vm.Cmd{
		Argv: []string{"bash", "-c", "tty; stty size; test -t 2 && echo stderr too"}, TTY: true, Rows: 33, Cols: 101, Stdout: &out,
	})
	require.NoError(t, err)
	assert.Zero(t, code)
	assert.Equal(t, "/dev/pts/0\r\n33 101\r\nstderr too\r\n", out.String())
}

func TestFilesGoInAndComeOut(t *testing.T) {
	g := start(t, vm.Options{})
	big := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	require.NoError(t, g.Put(t.Context(), "/out/deep/big", 0o755, bytes.NewReader(big)))
	_, err := g.Output(t.Context(), "bash", "-c", "test -x /out/deep/big && ln -s /etc/passwd /out/link && mknod /out/node c 1 3 && chmod 4755 /out/deep/big")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, g.Fetch(t.Context(), "/out", dir))
	got, err := os.ReadFile(filepath.Join(dir, "deep/big"))
	require.NoError(t, err)
	assert.Equal(t, big, got)
	info, _ := os.Stat(filepath.Join(dir, "deep/big"))
	assert.Equal(t, os.FileMode(0o755), info.Mode(), "no setuid bit comes out")
	entries, _ := os.ReadDir(dir)
	assert.Len(t, entries, 1, "no link and no device comes out")
}

func TestFetchDoesNotFollowLinksOfTheHost(t *testing.T) {
	g := start(t, vm.Options{})
	require.NoError(t, g.Put(t.Context(), "/out/deep/file", 0o644, strings.NewReader("guest")))
	dir, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "deep")))
	assert.Error(t, g.Fetch(t.Context(), "/out", dir))
	entries, _ := os.ReadDir(elsewhere)
	assert.Empty(t, entries)
}

func TestShareIsThereAndReadOnly(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("of the host\n"), 0o644))
	g := start(t, vm.Options{Share: dir})
	out, err := g.Output(t.Context(), "cat", "/course/file")
	require.NoError(t, err)
	assert.Equal(t, "of the host\n", out)
	_, err = g.Output(t.Context(), "bash", "-c", "mount -o remount,rw /course; echo spoilt > /course/file")
	assert.ErrorContains(t, err, "Read-only file system")
	data, _ := os.ReadFile(filepath.Join(dir, "file"))
	assert.Equal(t, "of the host\n", string(data))
}

func TestTheGuestIsWhatTheLessonsNeed(t *testing.T) {
	g := start(t, vm.Options{})
	out, err := g.Output(t.Context(), "cat", "/sys/fs/cgroup/cgroup.controllers")
	require.NoError(t, err)
	for _, controller := range []string{"cpu", "memory", "pids", "io"} {
		assert.Contains(t, strings.Fields(out), controller)
	}
	out, err = g.Output(t.Context(), "bash", "-c", "ls /proc/self/ns; findmnt -no FSTYPE,PROPAGATION /; ip -br link show lo; stat -c %a /")
	require.NoError(t, err)
	for _, want := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", "overlay shared", "755"} {
		assert.Contains(t, out, want)
	}
	assert.Regexp(t, `lo +UNKNOWN`, out, "a loopback that is up")
}

func TestTools(t *testing.T) {
	g := start(t, vm.Options{})
	tools := "bash unshare nsenter lsns ps ip capsh strace busybox nft tcpdump newuidmap runc crun bwrap findmnt setpriv mount ping awk less"
	out, err := g.Output(t.Context(), "bash", "-c", "for t in "+tools+"; do command -v $t >/dev/null || echo missing $t; done")
	require.NoError(t, err)
	assert.Empty(t, out)
}

func TestOrdinaryUserHasItsOwnCgroup(t *testing.T) {
	g := start(t, vm.Options{})
	var out, errs bytes.Buffer
	code, err := g.Run(t.Context(), vm.Cmd{
		Argv: []string{"bash", "-c", `id -un; pwd; cat /proc/self/cgroup; mkdir /sys/fs/cgroup/student/mine && ls /sys/fs/cgroup/student/mine/pids.max; grep student /etc/subuid; newuidmap 2>&1 | head -1`},
		User: "student", Stdout: &out, Stderr: &errs,
	})
	require.NoError(t, err)
	assert.Zero(t, code, errs.String())
	assert.Contains(t, out.String(), "student\n/home/student\n0::/student/session\n/sys/fs/cgroup/student/mine/pids.max\nstudent:100000:65536\n")
}

func TestEveryRunBeginsClean(t *testing.T) {
	first := start(t, vm.Options{})
	_, err := first.Output(t.Context(), "bash", "-c", "rm -rf /usr/bin/ps; touch /root/left; mkdir /sys/fs/cgroup/left; hostname other")
	require.NoError(t, err)
	second := start(t, vm.Options{})
	out, err := second.Output(t.Context(), "bash", "-c", "ls /root /sys/fs/cgroup | grep left; command -v ps; hostname")
	require.NoError(t, err)
	assert.Equal(t, "/usr/bin/ps\nlab\n", out)
}

func TestClockAndRandomnessAreFresh(t *testing.T) {
	draw := func() (time.Time, string) {
		g := start(t, vm.Options{})
		out, err := g.Output(t.Context(), "bash", "-c", "date +%s; head -c 16 /dev/urandom | od -An -tx1")
		require.NoError(t, err)
		seconds, random, _ := strings.Cut(out, "\n")
		n, err := strconv.ParseInt(seconds, 10, 64)
		require.NoError(t, err)
		return time.Unix(n, 0), random
	}
	clock, one := draw()
	_, two := draw()
	assert.WithinDuration(t, time.Now(), clock, time.Minute)
	assert.NotEqual(t, one, two)
}

func TestTimeLimitKillsTheCommandAndNotTheGuest(t *testing.T) {
	g := start(t, vm.Options{})
	_, err := g.Run(t.Context(), vm.Cmd{Argv: []string{"sleep", "1000"}, Timeout: 100 * time.Millisecond})
	require.ErrorIs(t, err, vm.ErrTimeout)
	require.NoError(t, g.Ping(t.Context()))
	_, err = g.Output(t.Context(), "pgrep", "sleep")
	assert.Error(t, err, "the command is gone")
}

func TestCancelledCommand(t *testing.T) {
	g := start(t, vm.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := g.Run(ctx, vm.Cmd{Argv: []string{"sleep", "1000"}})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NoError(t, g.Ping(t.Context()))
}

func TestPanicIsReportedWithTheConsole(t *testing.T) {
	g := start(t, vm.Options{})
	var out bytes.Buffer
	_, err := g.Run(t.Context(), vm.Cmd{Argv: []string{"bash", "-c", "echo before; echo c > /proc/sysrq-trigger; sleep 60"}, Stdout: &out})
	require.ErrorIs(t, err, vm.ErrDied)
	assert.ErrorContains(t, err, "Kernel panic - not syncing: sysrq triggered crash")
	assert.Equal(t, "before\n", out.String())
	<-g.Dead()
}

func TestSeveralLabsAtOnce(t *testing.T) {
	start(t, vm.Options{}) // the snapshot is there
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			g, err := vm.Start(t.Context(), vm.Options{})
			if !assert.NoError(t, err) {
				return
			}
			defer g.Close()
			out, err := g.Output(t.Context(), "echo", strconv.Itoa(i))
			assert.NoError(t, err)
			assert.Equal(t, strconv.Itoa(i)+"\n", out)
		})
	}
	all.Wait()
}

// TestKilledHostLeavesNoQEMU runs this test binary as another process and kills it with SIGKILL.
func TestKilledHostLeavesNoQEMU(t *testing.T) {
	if os.Getenv("LAB_TEST_VICTIM") == "1" {
		g := start(t, vm.Options{})
		os.Stdout.WriteString("QEMU " + strconv.Itoa(g.PID()) + "\n")
		g.Run(t.Context(), vm.Cmd{Argv: []string{"sleep", "1000"}})
		return
	}
	start(t, vm.Options{})
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledHostLeavesNoQEMU$")
	victim.Env = append(os.Environ(), "LAB_TEST_VICTIM=1")
	r, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	line := make([]byte, 64)
	n, err := r.Read(line)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.Fields(string(line[:n]))[1])
	require.NoError(t, err)
	require.NoError(t, victim.Process.Kill())
	victim.Wait()
	gone := func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}
	assert.Eventually(t, gone, 5*time.Second, 10*time.Millisecond)
}

func TestOutputIsWholeThoughAStrangerHoldsThePipe(t *testing.T) {
	g := start(t, vm.Options{})
	var out bytes.Buffer
	code, err := g.Run(t.Context(), vm.Cmd{
		Argv: []string{"bash", "-c", "sleep 1000 & head -c 60000 /dev/zero | tr '\\0' x; echo end"}, Stdout: &out,
	})
	require.NoError(t, err)
	assert.Zero(t, code)
	assert.Equal(t, 60004, out.Len())
	assert.True(t, strings.HasSuffix(out.String(), "xend\n"))
}

func TestTerminalEndsThoughAStrangerHoldsIt(t *testing.T) {
	g := start(t, vm.Options{})
	var out bytes.Buffer
	code, err := g.Run(t.Context(), vm.Cmd{
		Argv: []string{"bash", "-c", "setsid sleep 1000 & echo end"}, TTY: true, Stdout: &out, Timeout: 20 * time.Second,
	})
	require.NoError(t, err)
	assert.Zero(t, code)
	assert.Equal(t, "end\r\n", out.String())
}
