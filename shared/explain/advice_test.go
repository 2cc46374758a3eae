package explain

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAdviceIsALineInTheReadersLanguage(t *testing.T) {
	err := fmt.Errorf("pivot_root(%q, %q): %w", ".", ".", unix.EINVAL)
	t.Setenv("COURSE_LANG", "en")
	said := Advice(err)
	assert.Contains(t, said, "likely cause: the new root is not a mount point")
	assert.Contains(t, said, "Proof pivot-refuses shows it: ONLY=pivot-refuses make lesson-03")
	assert.NotContains(t, said, "\n")
	assert.NotContains(t, said, "%!")
	t.Setenv("COURSE_LANG", "ru")
	assert.Contains(t, Advice(err), "вероятная причина: новый корень — не точка монтирования")
	assert.NotContains(t, Advice(err), "%!")
}

func TestAdviceForgoesAGuess(t *testing.T) {
	for _, err := range []error{
		nil,
		errors.New("pivot_root(2) is not called"),
		exec.ErrNotFound,
		fmt.Errorf("no container is called %q: %w", "mount", unix.EPERM),
		fmt.Errorf("mount(%q, %q): %w", "a", "b", unix.E2BIG),
		fmt.Errorf("stat(%q): %w", "/etc/mount", unix.EPERM),
	} {
		assert.Empty(t, Advice(err), "%v", err)
	}
}

func TestAdviceIsOnTheFirstOfSeveral(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	first := fmt.Errorf("netlink(RTM_NEWLINK, bridge %q): %w", "mydocker0", unix.EEXIST)
	later := fmt.Errorf("nftables(delete %s): %w", "a", unix.ENOENT)
	assert.Contains(t, Advice(errors.Join(first, later)), "`ip link`")
}

func TestSpelled(t *testing.T) {
	for text, want := range map[string][]string{
		`clone(2), execve("/bin/mount"): permission denied`:                                     {"clone", "execve"},
		"open /proc/self/setns: read-only file system":                                          {"open"},
		"listen tcp 0.0.0.0:80: bind: address already in use":                                   {"bind"},
		`write("/sys/fs/cgroup/a/cgroup.procs", "7"): EBUSY`:                                    {"cgroup.procs"},
		"open /sys/fs/cgroup/a/memory.max: no such file or directory":                           {"open", "memory.max"},
		"fork/exec /bin/true: permission denied":                                                {"clone", "execve"},
		"fork/exec /proc/self/exe: operation not permitted":                                     {"execve", "clone"},
		`clone(2), execve("/proc/self/fd/100"): fork/exec /proc/self/fd/100: not permitted`:     {"clone", "execve", "execve", "clone"},
		"clone3: operation not permitted":                                                       {"clone"},
		`container init: mount("overlay", "/run/m/merged", "overlay", 0, "x=/a/mount"): EINVAL`: {"mount"},
		"the name mount is taken":                                                               nil,
		`write("/proc/7/uid_map", "0 1 1"): operation not permitted`:                            {"uid_map"},
		"netlink(RTM_NEWLINK, bridge \"mydocker0\"): operation not permitted":                   {"netlink"},
	} {
		assert.Equal(t, want, spelled(text), text)
	}
}

// What the standard library answers here, now, is spelled as we think it is.
func TestAdviceOnTheStandardLibrary(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	err := exec.Command("/etc/passwd").Run()
	require.ErrorIs(t, err, unix.EACCES)
	assert.Contains(t, Advice(err), "make lesson-01")
	_, err = os.Open("/proc/self/task/nothing/x")
	require.Error(t, err)
	assert.Empty(t, Advice(err), "a file that is not there needs no words")
}
