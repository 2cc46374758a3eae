package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// The mount namespace that closeCgroups makes is the main thread's alone. All that is started
// from this goroutine inherits it, so the goroutine stays on that thread.
func init() { runtime.LockOSThread() }

// closeCgroups has everybody race without cgroups where this machine has no cgroup v2 of its
// own to give: in a mount namespace of ours all of its cgroups are read-only. Nothing outside
// changes, and no runtime can make a group in somebody else's tree.
func closeCgroups() (closed bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &st); err != nil || st.Type == unix.CGROUP2_SUPER_MAGIC {
		return false, err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return false, fmt.Errorf("unshare(CLONE_NEWNS): %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return false, fmt.Errorf("mount(/, MS_REC|MS_PRIVATE): %w", err)
	}
	mounts, err := os.ReadFile("/proc/thread-self/mounts")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line) // device, target, type (proc_pid_mounts(5))
		if len(f) < 3 || !strings.HasPrefix(f[2], "cgroup") {
			continue
		}
		if err := unix.Mount("", f[1], "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return false, fmt.Errorf("mount(%q, MS_REMOUNT|MS_BIND|MS_RDONLY): %w", f[1], err)
		}
	}
	return true, nil
}
