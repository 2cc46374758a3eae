package join

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
)

// The spy is process 1 of a container and looks at whoever comes in (CVE-2016-9962): each
// process in /proc that is not itself, its memory, its program and its descriptors.
func init() {
	reexec.Register("spy", func() {
		runtime.LockOSThread() // capabilities are a thread's; never unlocked, for this is all there is to do
		furnish(func() {
			if len(os.Args) > 1 {
				keepCapabilities(os.Args[1])
			}
		})
		for told := map[string]bool{}; ; {
			entries, err := os.ReadDir("/proc")
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			for _, e := range entries {
				if pid, err := strconv.Atoi(e.Name()); err != nil || pid == 1 {
					continue
				}
				look := func(word string) {
					if !told[e.Name()+word] {
						told[e.Name()+word] = true
						fmt.Println(word)
					}
				}
				dir := "/proc/" + e.Name()
				for _, link := range []string{"exe", "fd/3"} {
					if target, err := os.Readlink(dir + "/" + link); err == nil {
						if strings.HasPrefix(target, "socket:") {
							target = "a socket"
						}
						look(link + " is " + target)
					} else if errors.Is(err, unix.EACCES) {
						look(link + " refused")
					}
				}
				before, _ := os.Readlink(dir + "/exe")
				mem, err := os.Open(dir + "/mem")
				if err == nil {
					if after, _ := os.Readlink(dir + "/exe"); after == before {
						look("mem of " + after)
					}
					mem.Close()
				} else if errors.Is(err, unix.EACCES) {
					look("mem refused")
				}
			}
		}
	})
}

// keepCapabilities leaves this process only these, in all sets.
func keepCapabilities(text string) {
	keep, err := strconv.ParseUint(text, 16, 64)
	for n := range uintptr(64) {
		if keep&(1<<n) == 0 {
			unix.Prctl(unix.PR_CAPBSET_DROP, n, 0, 0, 0)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: uint32(keep), Permitted: uint32(keep)}, {Effective: uint32(keep >> 32), Permitted: uint32(keep >> 32)}}
	if err == nil {
		err = unix.Capset(&header, &data[0])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// spied is what the spy had to say while a command was on its way in, and stood still before
// the call at until all the words were said. It stands still in a read(2) of its input.
func spied(t *testing.T, c *container, change func(c *Cmd), at func(l *list) int, dumpable uintptr, words []string) string {
	t.Helper()
	held, release, err := os.Pipe()
	require.NoError(t, err)
	defer held.Close()
	defer release.Close()
	join := c.joining(t, "true")
	join.Stdin = held
	if change != nil {
		change(join)
	}
	before := len(c.out.String())
	go func() {
		assert.Eventually(t, func() bool {
			for _, word := range words {
				if !strings.Contains(c.out.String()[before:], word+"\n") {
					return false
				}
			}
			return true
		}, time.Minute, time.Millisecond, "%q", words)
		release.Write([]byte{0})
	}()
	p, err := start(t, join, func(l *list) {
		l.insert(at(l), Getcwd, unix.SYS_READ, 0, l.bytes([]byte{0}), 1)
		l.calls[l.index(Undumpable)].args[1] = dumpable
	})
	require.NoError(t, err)
	_, err = p.Wait()
	require.NoError(t, err)
	return c.out.String()[before:]
}

func onceInside(l *list) int { return l.index(Fork) + 1 }
func beforeExec(l *list) int { return l.index(Chdir) }

// asDocker: its default capabilities, the spy's too. CAP_SYS_PTRACE is not among them.
func asDocker(c *Cmd) {
	const docker = 0xa80425fb
	c.Caps = &Capabilities{Bounding: docker, Effective: docker, Permitted: docker}
}

// TestNobodyInsideSeesUsComeIn is the attack on one that comes in, by root inside: with and
// without a user namespace. The positive control is the same list, but for its first word:
// there the spy has all.
func TestNobodyInsideSeesUsComeIn(t *testing.T) {
	labtest.NeedRoot(t)
	t.Run("of root", func(t *testing.T) {
		spiedBoth(t, live(t, everything, 0, "spy", "a80425fb"), beforeExec, asDocker, "exe is OURS", "mem of OURS", "fd/3 is a socket")
	})
	t.Run("in a user namespace", func(t *testing.T) {
		// The rest is the host's root's, who is nobody in there; the program is enough (CVE-2019-5736).
		spiedBoth(t, live(t, everything|unix.CLONE_NEWUSER, stranger, "spy"), onceInside, nil, "exe is OURS")
	})
}

func TestNobodyInsideSeesTheRootlessComeIn(t *testing.T) {
	if os.Getuid() == 0 {
		again(t, t.Name())
		return
	}
	needUserNS(t)
	spiedBoth(t, live(t, everything|unix.CLONE_NEWUSER, os.Getuid(), "spy", "a80425fb"), beforeExec, asDocker, "exe is OURS", "mem of OURS", "fd/3 is a socket")
}

func spiedBoth(t *testing.T, c *container, at func(l *list) int, change func(c *Cmd), secrets ...string) {
	t.Helper()
	ours, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	for i, s := range secrets {
		secrets[i] = strings.ReplaceAll(s, "OURS", ours)
	}
	spied(t, c, change, at, 1, secrets) // the positive control
	said := spied(t, c, change, at, 0, []string{"exe refused", "mem refused", "fd/3 refused"})
	for _, s := range secrets {
		assert.NotContains(t, said, s)
	}
}
