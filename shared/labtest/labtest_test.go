package labtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// write makes a file of a kernel that is only pretended.
func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

const mountinfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
99 22 0:4 net:[4026532281] /run/netns/blue rw shared:5 - nsfs nsfs rw
`

func pretended(t *testing.T) place {
	p := place{proc: t.TempDir(), cgroup: t.TempDir(), pid: 10}
	write(t, p.proc+"/10/mountinfo", mountinfo)
	write(t, p.proc+"/10/stat", "10 (test) S 1 10 10 0\n")
	write(t, p.proc+"/11/stat", "11 (a (strange) name) S 10 10 10 0\n")
	write(t, p.proc+"/12/stat", "12 (grandchild) S 11 10 10 0\n")
	write(t, p.proc+"/13/stat", "13 (zombie) Z 10 10 10 0\n")
	write(t, p.proc+"/14/stat", "14 (stranger) S 1 14 14 0\n")
	for name, target := range map[string]string{
		"ns/net": "net:[1]", "ns/uts": "uts:[2]",
		"task/10/ns/net": "net:[1]", "task/15/ns/net": "net:[7]", "task/16/ns/net": "net:[7]",
		"fd/0": "/dev/null", "fd/5": "mnt:[8]", "fd/6": "socket:[9]",
	} {
		link := p.proc + "/10/" + name
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
		require.NoError(t, os.Symlink(target, link))
	}
	require.NoError(t, os.MkdirAll(p.cgroup+"/a/b", 0o755))
	write(t, p.cgroup+"/cgroup.procs", "")
	return p
}

func TestSnapshot(t *testing.T) {
	p := pretended(t)
	got, err := p.snapshot()
	require.NoError(t, err)
	delete(got, "network interface") // of the real machine
	require.Equal(t, snapshot{
		"mount":     {"/ (ext4)", "/proc (proc)", "/run/netns/blue (nsfs)"},
		"cgroup":    {p.cgroup + "/a", p.cgroup + "/a/b"},
		"process":   {"a (strange) name(11)", "grandchild(12)"},
		"namespace": {"net:[7], a thread is in it", "mnt:[8], open", "net:[4026532281], bound to /run/netns/blue"},
	}, got)
}

func TestDifference(t *testing.T) {
	p := pretended(t)
	before, err := p.snapshot()
	require.NoError(t, err)
	write(t, p.proc+"/10/mountinfo", strings.Replace(mountinfo, "/proc rw", "/mnt rw", 1))
	require.NoError(t, os.Mkdir(p.cgroup+"/new", 0o755))
	require.NoError(t, os.RemoveAll(p.proc+"/12"))
	after, err := p.snapshot()
	require.NoError(t, err)
	require.Equal(t, []string{
		"  left: cgroup " + p.cgroup + "/new",
		"  left: mount /mnt (proc)",
		"  gone: mount /proc (proc)",
		"  gone: process grandchild(12)",
	}, difference(before, after))
	require.Empty(t, difference(after, after))
}

func TestTheSameMountTwice(t *testing.T) {
	require.Equal(t, []string{"/x"}, minus([]string{"/x", "/x"}, []string{"/x"}))
}

func TestRootIn(t *testing.T) {
	file := t.TempDir() + "/uid_map"
	write(t, file, "         0          0 4294967295\n")
	require.NoError(t, rootIn(0, file))
	require.Error(t, rootIn(1000, file))
	write(t, file, "         0     100000      65536\n")
	require.ErrorContains(t, rootIn(0, file), `"0 100000 65536"`)
}

// witness stands in for a test, so that a failure can be looked at.
type witness struct {
	testing.TB
	cleanups []func()
	said     string
}

func (w *witness) Helper()                        {}
func (w *witness) Cleanup(fn func())              { w.cleanups = append(w.cleanups, fn) }
func (w *witness) Errorf(format string, a ...any) { w.said += fmt.Sprintf(format, a...) }

func TestLeaksSeesAForgottenProcess(t *testing.T) {
	w := &witness{TB: t}
	Leaks(w)
	// The shell ends at once; the sleeper becomes an orphan, and ours.
	out, err := exec.Command("sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!").Output()
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	t.Cleanup(func() {
		unix.Kill(pid, unix.SIGKILL)
		unix.Wait4(pid, nil, 0, nil)
	})
	w.cleanups[0]()
	require.Contains(t, w.said, fmt.Sprintf("left: process sleep(%d)", pid))
}

func TestNewNetNSAndLeaks(t *testing.T) {
	NeedRoot(t)
	Leaks(t)
	NewNetNS(t)
	list, err := net.Interfaces()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "lo", list[0].Name)
}

func TestLeaksSeesAMount(t *testing.T) {
	NeedLab(t)
	w := &witness{TB: t}
	Leaks(w)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	w.cleanups[0]()
	require.Contains(t, w.said, "left: mount "+dir+" (tmpfs)")
}

func TestLeaksSeesACgroup(t *testing.T) {
	NeedLab(t)
	NeedCgroup2(t)
	w := &witness{TB: t}
	Leaks(w)
	dir := "/sys/fs/cgroup/labtest"
	require.NoError(t, os.Mkdir(dir, 0o755))
	defer os.Remove(dir)
	w.cleanups[0]()
	require.Contains(t, w.said, "left: cgroup "+dir)
}
