//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A mount is one call of mount(2).
type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

// The initramfs needs these three to find its devices.
var early = []mount{
	{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"},
}

// The root is the squashfs below and a tmpfs above: what a run writes is gone with the run.
// The two stay reachable for nobody: overlay holds them, their mount points are left behind.
var root = []mount{
	{"/dev/vda", "/lower", "squashfs", unix.MS_RDONLY, ""},
	{"tmpfs", "/upper", "tmpfs", 0, "mode=0755"},
}

// The rest is mounted in the new root.
var late = []mount{
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,ptmxmode=0666,gid=5"},
	{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	{"mqueue", "/dev/mqueue", "mqueue", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
	{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "nsdelegate"},
	{"bpf", "/sys/fs/bpf", "bpf", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=0700"},
}

// boot takes the machine from the initramfs to a system that looks like any other:
// an ordinary root, the usual mounts, cgroup v2, a host name, a loopback that is up.
func boot() error {
	if err := mountAll(early); err != nil {
		return err
	}
	if err := loadModules("/modules.list"); err != nil {
		return err
	}
	if err := waitFor("/dev/vda", 20*time.Second); err != nil {
		return err
	}
	if err := mountAll(root); err != nil {
		return err
	}
	if err := switchRoot(); err != nil {
		return err
	}
	if err := mountAll(late); err != nil {
		return err
	}
	if err := setUpCgroups("/sys/fs/cgroup"); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	return loopbackUp()
}

func mountAll(table []mount) error {
	for _, m := range table {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
			return fmt.Errorf("mount(%q, %q, %q): %w", m.source, m.target, m.fstype, err)
		}
	}
	return nil
}

// loadModules loads the files that the list names, in its order: dependencies come first.
func loadModules(list string) error {
	f, err := os.Open(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel with everything built in
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if err := loadModule(lines.Text()); err != nil {
			// One module less is a proof less, not a machine less: say so and go on.
			fmt.Fprintln(os.Stderr, "agent:", err)
		}
	}
	return lines.Err()
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("finit_module(%s): %w", filepath.Base(path), err)
	}
	return nil
}

func waitFor(path string, limit time.Duration) error {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s did not appear in %v", path, limit)
}

// switchRoot makes the overlay the root of the machine. The initramfs cannot be left by
// pivot_root(2): it has no parent mount. So the new root is moved over it, and entered.
func switchRoot() error {
	for _, dir := range []string{"/upper/data", "/upper/work", "/new"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	overlay := mount{"overlay", "/new", "overlay", 0, "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work"}
	if err := mountAll([]mount{overlay}); err != nil {
		return err
	}
	for _, m := range early {
		if err := unix.Mount(m.target, "/new"+m.target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("mount(%q, MS_MOVE): %w", m.target, err)
		}
	}
	if err := unix.Chdir("/new"); err != nil {
		return fmt.Errorf("chdir(/new): %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("mount(., /, MS_MOVE): %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot(.): %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("chdir(/): %w", err)
	}
	// As on a machine that systemd booted: every mount is shared (mount_namespaces(7)).
	if err := unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount(/, MS_SHARED|MS_REC): %w", err)
	}
	return nil
}

// loopbackUp does what `ip link set lo up` does (netdevice(7)).
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("ioctl(SIOCSIFFLAGS, lo up): %w", err)
	}
	return nil
}
