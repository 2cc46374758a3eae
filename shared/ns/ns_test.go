package ns

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

func TestFlagsAreText(t *testing.T) {
	assert.Equal(t, "", Flags(0).String())
	assert.Equal(t, "uts,pid,mnt", (PID | UTS | Mount).String())
	assert.Equal(t, "uts,0x1", (UTS | 1).String())
	f, err := Parse("mnt,pid,uts")
	require.NoError(t, err)
	assert.Equal(t, PID|UTS|Mount, f)
	f, err = Parse("")
	require.NoError(t, err)
	assert.Zero(t, f)
	all, err := Parse(All.String())
	require.NoError(t, err)
	assert.Equal(t, All, all)
	for _, bad := range []string{"pids", "pid,", "pid_for_children", " uts"} {
		_, err := Parse(bad)
		assert.Error(t, err, bad)
	}
}

func TestJoinOrder(t *testing.T) {
	order := All.Kinds()
	assert.Equal(t, User, order[0], "it has the capabilities for the others")
	assert.Equal(t, Mount, order[len(order)-1], "it takes /proc out of sight")
	assert.Len(t, order, 8)
}

func TestParseNSpid(t *testing.T) {
	pids, err := parseNSpid(strings.NewReader("Name:\tcat\nNSpid:\t437\t12\t1\nNSpgid:\t437\t12\t1\n"))
	require.NoError(t, err)
	assert.Equal(t, []int{437, 12, 1}, pids)
	for _, bad := range []string{"", "Name:\tNSpid:\t3\n", "NSpid:\tx\n"} {
		_, err := parseNSpid(strings.NewReader(bad))
		assert.Error(t, err, bad)
	}
}

// TestMadeUpProc is the pure core: a procfs of ordinary files.
func TestMadeUpProc(t *testing.T) {
	proc := t.TempDir()
	one, two := filepath.Join(proc, "one"), filepath.Join(proc, "two")
	require.NoError(t, os.WriteFile(one, nil, 0o600))
	require.NoError(t, os.WriteFile(two, nil, 0o600))
	for pid, uts := range map[string]string{"1": one, "20": two, "3": one} {
		dir := filepath.Join(proc, pid, "ns")
		require.NoError(t, os.MkdirAll(dir, 0o700))
		for _, k := range kinds {
			target := one
			if k.flag == UTS {
				target = uts
			}
			require.NoError(t, os.Symlink(target, filepath.Join(dir, k.link)))
		}
	}
	require.NoError(t, os.MkdirAll(filepath.Join(proc, "44", "ns"), 0o700)) // has just ended

	id, err := Of(proc, 1, UTS)
	require.NoError(t, err)
	members, err := Members(proc, id, UTS)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 3}, members)
	same, err := Shared(proc, 1, 20)
	require.NoError(t, err)
	assert.Equal(t, All&^UTS, same)

	_, err = Of(proc, 44, UTS)
	assert.ErrorIs(t, err, unix.ENOENT)
	_, err = Of(proc, 1, UTS|PID)
	assert.Error(t, err, "two kinds are no kind")
	_, err = Open(proc, 44, UTS)
	assert.ErrorIs(t, err, unix.ENOENT)
	_, err = Open(proc, 5, UTS)
	assert.ErrorIs(t, err, unix.ENOENT)
	_, err = Open(proc, 1, 1)
	assert.Error(t, err)
}

// cat starts a witness in new namespaces; it ends when the test does.
func cat(t *testing.T, flags Flags) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(flags)}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return cmd
}

func hostname(t *testing.T) string {
	t.Helper()
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	return unix.ByteSliceToString(name.Nodename[:])
}

func TestDo(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	const kinds = PID | UTS | IPC | Mount | Network | Cgroup
	target := cat(t, kinds)
	same, err := Shared(Proc, os.Getpid(), target.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, All&^kinds, same)

	set, err := Open(Proc, target.Process.Pid, kinds)
	require.NoError(t, err)
	defer set.Close()
	assert.Equal(t, kinds, set.Flags())
	before := hostname(t)
	for range 20 { // often enough for the runtime to reuse a thread, if it could
		require.NoError(t, set.Do(func() error {
			child := exec.Command("cat")
			in, err := child.StdinPipe()
			if err != nil {
				return err
			}
			if err := child.Start(); err != nil {
				return err
			}
			defer child.Wait()
			defer in.Close()
			same, err := Shared(Proc, child.Process.Pid, target.Process.Pid)
			if err != nil {
				return err
			}
			assert.Equal(t, All, same)
			pids, err := PIDs(Proc, child.Process.Pid)
			if err != nil {
				return err
			}
			assert.Greater(t, len(pids), 1)
			return unix.Sethostname([]byte("inside"))
		}))
		runtime.Gosched()
	}
	assert.Equal(t, before, hostname(t))
	same, err = Shared(Proc, os.Getpid(), target.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, All&^kinds, same, "the process has not moved")
	assert.Equal(t, UTS, kindOf(t, set.File(UTS)))
	assert.Nil(t, set.File(User))
}

func kindOf(t *testing.T, f *os.File) Flags {
	t.Helper()
	kind, err := KindOf(f)
	require.NoError(t, err)
	return kind
}

func TestKeptAlive(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	var set *Set
	t.Run("its last process ends", func(t *testing.T) {
		target := cat(t, UTS)
		var err error
		set, err = Open(Proc, target.Process.Pid, UTS)
		require.NoError(t, err)
		require.NoError(t, set.Do(func() error { return unix.Sethostname([]byte("kept")) }))
	})
	id, err := IDOf(set.File(UTS))
	require.NoError(t, err)
	members, err := Members(Proc, id, UTS)
	require.NoError(t, err)
	assert.Empty(t, members)
	require.NoError(t, set.Do(func() error { assert.Equal(t, "kept", hostname(t)); return nil }))
	require.NoError(t, set.Close())
	assert.Zero(t, set.Flags())
}

func TestUserIsRefused(t *testing.T) {
	set, err := Open(Proc, os.Getpid(), User)
	require.NoError(t, err)
	defer set.Close()
	assert.ErrorIs(t, set.Do(func() error { return nil }), ErrUser)
	assert.ErrorIs(t, Apart(User|UTS, func() error { return nil }), ErrUser)
}

func TestApart(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	before := hostname(t)
	require.NoError(t, Apart(UTS, func() error {
		if err := unix.Sethostname([]byte("apart")); err != nil {
			return err
		}
		assert.Equal(t, "apart", hostname(t))
		return nil
	}))
	assert.Equal(t, before, hostname(t))
	assert.ErrorIs(t, Apart(UTS, func() error { return unix.EBUSY }), unix.EBUSY)
	assert.Error(t, Apart(UTS, func() error { runtime.Goexit(); return nil }))
}

func TestRelations(t *testing.T) {
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	target := cat(t, PID)
	set, err := Open(Proc, target.Process.Pid, PID)
	require.NoError(t, err)
	defer set.Close()

	for _, r := range []struct {
		of   func(*os.File) (*os.File, error)
		kind Flags
	}{{Parent, PID}, {Owner, User}} {
		f, err := r.of(set.File(PID))
		require.NoError(t, err)
		assert.Equal(t, r.kind, kindOf(t, f))
		got, err := IDOf(f)
		require.NoError(t, err)
		ours, err := Of(Proc, os.Getpid(), r.kind)
		require.NoError(t, err)
		assert.Equal(t, ours, got)
		require.NoError(t, f.Close())
	}
	uts, err := Open(Proc, os.Getpid(), UTS)
	require.NoError(t, err)
	defer uts.Close()
	_, err = Parent(uts.File(UTS))
	assert.ErrorIs(t, err, unix.EINVAL, "a UTS namespace has none above it")
}
