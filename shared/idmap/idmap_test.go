package idmap

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

func TestLines(t *testing.T) {
	l, err := ParseLine("0:100000:65536")
	require.NoError(t, err)
	assert.Equal(t, Line{0, 100000, 65536}, l)
	assert.Equal(t, "0:100000:65536", l.String())
	for _, bad := range []string{"", "0", "0:1", "0:1:2:3", "a:1:2", "-1:0:1", "0:1:4294967296", "0: 1:2", "0:1:", "+0:1:2"} {
		_, err := ParseLine(bad)
		assert.Error(t, err, bad)
	}
}

func TestKernelText(t *testing.T) {
	const initial = "         0          0 4294967295\n"
	m, err := Parse(strings.NewReader(initial))
	require.NoError(t, err)
	assert.Equal(t, Map{{0, 0, math.MaxUint32}}, m)
	assert.NoError(t, m.Check(), "the initial namespace has a map like any other")
	two := Map{{0, 1000, 1}, {1, 100000, 65535}}
	again, err := Parse(strings.NewReader(two.Kernel()))
	require.NoError(t, err)
	assert.Equal(t, two, again)
	for _, bad := range []string{"0 1\n", "0 1 x\n", "\n"} {
		_, err := Parse(strings.NewReader(bad))
		assert.Error(t, err, bad)
	}
}

func TestCheckNamesTheBlame(t *testing.T) {
	for _, c := range []struct {
		m    Map
		want error
		text string
	}{
		{nil, ErrEmpty, "no lines"},
		{Map{{0, 0, 0}}, ErrEmpty, "0:0:0"},
		{Map{{0, math.MaxUint32, 1}}, ErrRange, "4294967294"},
		{Map{{math.MaxUint32 - 1, 0, 2}}, ErrRange, "4294967294"},
		{Map{{0, 1000, 10}, {9, 5000, 1}}, ErrOverlap, "in the container, at 9"},
		{Map{{0, 1000, 10}, {10, 1009, 1}}, ErrOverlap, "on the host, at 1009"},
		{make(Map, MaxLines+1), ErrLines, "341"},
		{long(MaxLines), ErrLines, "a page"},
	} {
		err := c.m.Check()
		assert.ErrorIs(t, err, c.want)
		assert.ErrorContains(t, err, c.text)
	}
	assert.NoError(t, Map{{0, 1000, 10}, {10, 1010, 1}}.Check(), "neighbours do not overlap")
	assert.NoError(t, Map{{0, math.MaxUint32 - 1, 1}}.Check())
	assert.ErrorIs(t, Map{{1, 1000, 1}}.CheckRoot(), ErrNoRoot)
	assert.NoError(t, Map{{1, 1000, 1}, {0, 5, 1}}.CheckRoot())
}

// long is a map of n lines, each longer than 12 bytes.
func long(n uint32) (m Map) {
	for i := range n {
		m = append(m, Line{i, 100000 + i, 1})
	}
	return m
}

func TestTranslation(t *testing.T) {
	m := Map{{0, 1000, 1}, {1, 100000, 65535}}
	for inside, host := range map[uint32]uint32{0: 1000, 1: 100000, 65535: 165534} {
		got, ok := m.ToHost(inside)
		assert.True(t, ok)
		assert.Equal(t, host, got)
		back, ok := m.ToContainer(host)
		assert.True(t, ok)
		assert.Equal(t, inside, back)
	}
	_, ok := m.ToHost(65536)
	assert.False(t, ok)
	_, ok = m.ToContainer(0)
	assert.False(t, ok)
}

func TestOwned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "subuid")
	require.NoError(t, os.WriteFile(path, []byte("# a comment\nother:500000:10\nstudent:100000:65536\n1000:165536:10\n"), 0o600))
	ranges, err := Owned(path, "student", 1000, 1000)
	require.NoError(t, err)
	assert.Equal(t, []Range{{1000, 1}, {100000, 65536}, {165536, 10}}, ranges)
	assert.NoError(t, Map{{0, 1000, 1}, {1, 100000, 65546}}.CheckOwned(ranges), "ranges that touch are one")
	err = Map{{0, 100000, 65547}}.CheckOwned(ranges)
	assert.ErrorIs(t, err, ErrNotOwned)
	assert.ErrorContains(t, err, "from 165546 to 165546")
	assert.ErrorIs(t, Map{{0, 0, 1}}.CheckOwned(ranges), ErrNotOwned)

	ranges, err = Owned(path+".missing", "student", 1000, 1000)
	require.NoError(t, err)
	assert.Equal(t, []Range{{1000, 1}}, ranges)
	require.NoError(t, os.WriteFile(path, []byte("student:x:1\n"), 0o600))
	_, err = Owned(path, "student", 1000, 1000)
	assert.Error(t, err)
}

// waiting starts a cat in a user namespace without maps.
func waiting(t *testing.T, credential *syscall.Credential) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("unshare", "-U", "cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	_, err = in.Write([]byte("x"))
	require.NoError(t, err)
	_, err = out.Read(make([]byte, 1)) // it echoes: unshare(2) is behind it
	require.NoError(t, err)
	return cmd
}

func TestApply(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	want := IDs{Map{{0, 100000, 1000}, {1000, 300000, 1}}, Map{{0, 200000, 1000}}}
	cmd := waiting(t, nil)
	require.NoError(t, Apply(Proc, cmd.Process.Pid, want))
	got, err := Of(Proc, cmd.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.ErrorIs(t, Apply(Proc, cmd.Process.Pid, want), unix.EPERM, "a map is written once")
	assert.ErrorIs(t, Apply(Proc, cmd.Process.Pid, IDs{}), ErrEmpty)
}

// TestApplyAsStudent runs this test's own binary again as the lab's ordinary user.
func TestApplyAsStudent(t *testing.T) {
	labtest.NeedLab(t)
	if os.Getenv("IDMAP_STUDENT") == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(self, "-test.run=TestApplyAsStudent", "-test.v")
		cmd.Env = append(os.Environ(), "IDMAP_STUDENT=1")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "--- PASS: TestApplyAsStudent")
		return
	}
	for name, want := range map[string]IDs{
		"itself":       {Map{{0, 1000, 1}}, Map{{0, 1000, 1}}},
		"subordinates": {Map{{0, 1000, 1}, {1, 100000, 65535}}, Map{{0, 1000, 1}, {1, 100000, 65535}}},
	} {
		cmd := waiting(t, nil)
		require.NoError(t, Apply(Proc, cmd.Process.Pid, want), name)
		got, err := Of(Proc, cmd.Process.Pid)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	cmd := waiting(t, nil)
	assert.ErrorContains(t, Apply(Proc, cmd.Process.Pid, IDs{Map{{0, 0, 2}}, Map{{0, 0, 2}}}), "newuidmap")
	got, err := Of(Proc, cmd.Process.Pid)
	require.NoError(t, err)
	assert.Empty(t, got.UID)
}

func TestMount(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	ids := IDs{Map{{0, 100000, 65536}}, Map{{0, 200000, 65536}}}
	userns, err := UserNS(ids)
	require.NoError(t, err)
	defer userns.Close()

	dir := t.TempDir()
	target := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/old", nil, 0o644))
	if err := Mount(dir, target, userns); err != nil {
		labtest.NeedLab(t) // elsewhere the file system may not be able to
		require.NoError(t, err)
	}
	defer unix.Unmount(target, 0)
	var st unix.Stat_t
	require.NoError(t, unix.Stat(target+"/old", &st))
	assert.Equal(t, [2]uint32{100000, 200000}, [2]uint32{st.Uid, st.Gid})
	require.NoError(t, unix.Stat(dir+"/old", &st))
	assert.Equal(t, [2]uint32{0, 0}, [2]uint32{st.Uid, st.Gid}, "nothing below is touched")

	_, err = Tree(target, userns)
	assert.ErrorIs(t, err, unix.EPERM, "what is mapped is not mapped again")
	_, err = UserNS(IDs{})
	assert.ErrorIs(t, err, ErrEmpty)
}
