// Package labtest is for tests that need a kernel of their own: they state their needs
// and watch what they leave behind. Only tests import it.
//
// It is plumbing, taught by no lesson. On a developer's machine a need that is not met
// skips the test. Inside the lab (the guest's agent sets COURSE_LAB=1) everything is there,
// so a skip would hide something: it is a failure.
package labtest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// NeedRoot: the test runs as root, of the initial user namespace.
func NeedRoot(t testing.TB) {
	t.Helper()
	need(t, rootIn(os.Geteuid(), "/proc/self/uid_map"))
}

// NeedCgroup2: /sys/fs/cgroup is a cgroup v2 in which the test may make groups.
func NeedCgroup2(t testing.TB) {
	t.Helper()
	NeedRoot(t)
	need(t, cgroup2At("/sys/fs/cgroup"))
}

// NeedLab: the test runs in the lab, where nothing can be broken that matters.
func NeedLab(t testing.TB) {
	t.Helper()
	if !inLab() {
		t.Skip("needs the lab")
	}
}

// NewNetNS moves the test into a network namespace of its own, with nothing but a loopback
// that is down, and back when it ends.
func NewNetNS(t testing.TB) {
	t.Helper()
	NeedRoot(t)
	// A network namespace belongs to a thread (network_namespaces(7)). The test keeps its
	// thread until it is back in the namespace that the thread came from.
	runtime.LockOSThread()
	before, err := os.Open(threadNetNS)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare(CLONE_NEWNET): %v", err)
	}
	t.Cleanup(func() {
		defer before.Close()
		if err := unix.Setns(int(before.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Errorf("setns(CLONE_NEWNET): %v", err)
			return // a thread that is still elsewhere stays locked: it ends with the test
		}
		runtime.UnlockOSThread()
	})
}

const threadNetNS = "/proc/thread-self/ns/net"

// inLab says whether this is the guest.
func inLab() bool { return os.Getenv("COURSE_LAB") == "1" }

// need ends the test unless err is nil.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case inLab():
		t.Fatalf("the lab lacks what this test needs: %v", err)
	default:
		t.Skip(err)
	}
}

func rootIn(euid int, uidMap string) error {
	if euid != 0 {
		return fmt.Errorf("needs root")
	}
	ids, err := os.ReadFile(uidMap)
	if err != nil {
		return err
	}
	// The initial user namespace maps every id onto itself (user_namespaces(7)).
	if got := strings.Join(strings.Fields(string(ids)), " "); got != "0 0 4294967295" {
		return fmt.Errorf("needs root of the initial user namespace; uid_map is %q", got)
	}
	return nil
}

func cgroup2At(root string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(root, &fs); err != nil {
		return fmt.Errorf("statfs(%q): %w", root, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("needs cgroup v2 at %s", root)
	}
	if fs.Flags&unix.ST_RDONLY != 0 {
		return fmt.Errorf("%s is mounted read-only", root)
	}
	return nil
}
