// Package rootfs gives a process a file tree of its own: the mount table as data, the new
// root, the way into it, and a default root made from what the machine has.
//
// Taught in lesson 03, which shows every call raw; lessons from 04 on import it. What the
// hardened version adds: the rootfs is hostile. Nothing in it is ever named by a path that
// the kernel walks from the host's root. Every place in it is found by openat2(2) with the
// new root for a root, is held by a descriptor, and is mounted on through that descriptor,
// so neither a symbolic link nor a link exchanged in between leads out of it. Places for
// the kernel's own file systems must be real folders; what was mounted there is looked at
// again. Device nodes are our own, and no other node can be opened. Volumes are read-only
// with all that is mounted below them, before anybody can see them.
//
//	config := rootfs.Defaults()
//	config.Root = "/srv/alpine"
//	config.Overlay = &rootfs.Overlay{Upper: …, Work: …, Merged: …}
//	…
//	err := config.Enter()        // in the child: after clone(2) with CLONE_NEWNS, before execve(2)
//	err = rootfs.CloseOnExec()   // last
//
// Nothing has to be undone: what Enter has mounted ends with the mount namespace, whether
// it returns an error half-way or the process is killed. Folders (Upper, Work) are the
// caller's.
package rootfs

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Config is the file tree of a container. It can be sent to the child as JSON. The zero
// value of a field changes nothing.
type Config struct {
	Root    string   // the folder that becomes /
	Overlay *Overlay // what takes the writes; nil: Root itself

	Mounts  []Mount  // in this order
	Devices []Device // made in /dev, which must be one of Mounts
	Links   []Link   // made in /dev
	Volumes []Volume // folders and files of the host

	ReadOnlyPaths []string // skipped where this kernel does not have them
	MaskedPaths   []string

	NoDev    bool // no device node can be opened, but those of Devices
	ReadOnly bool // the root itself; mounts below it are as they are

	Proc string // where the caller's procfs is mounted; "" is /proc
}

// Mount is a line of the mount table, in the words of mount(2).
type Mount struct {
	Source, Target, Type string
	Flags                uintptr
	Data                 string
}

// Device is a device node (mknod(2)).
type Device struct {
	Name         string // in /dev
	Major, Minor uint32
	Mode         uint32
}

// Link is a symbolic link in /dev.
type Link struct{ Name, Target string }

// Defaults are docker's, but for Root, Overlay and Volumes. The cgroup file system is not
// among them: it belongs to a cgroup namespace, and lesson 04 adds it.
func Defaults() Config {
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return Config{
		Mounts: []Mount{
			{"proc", "/proc", "proc", quiet, ""},
			{"tmpfs", "/dev", "tmpfs", unix.MS_NOSUID | unix.MS_STRICTATIME, "mode=755,size=65536k"},
			{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
			{"shm", "/dev/shm", "tmpfs", quiet, "mode=1777,size=65536k"},
			{"mqueue", "/dev/mqueue", "mqueue", quiet, ""},
			{"sysfs", "/sys", "sysfs", quiet | unix.MS_RDONLY, ""},
		},
		// Documentation/admin-guide/devices.txt
		Devices: []Device{
			{"null", 1, 3, 0o666}, {"zero", 1, 5, 0o666}, {"full", 1, 7, 0o666},
			{"random", 1, 8, 0o666}, {"urandom", 1, 9, 0o666}, {"tty", 5, 0, 0o666},
		},
		Links: []Link{
			{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
			{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
		},
		ReadOnlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		MaskedPaths: []string{
			"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
			"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
			"/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",
		},
		NoDev: true,
	}
}

// Enter makes the tree and makes it the caller's. It runs in the child: after clone(2) with
// CLONE_NEWNS, before execve(2). What the caller has open, it still has: see CloseOnExec.
func (c Config) Enter() error {
	// What is made has the mode that is named here, whatever the caller's umask. A chmod(2)
	// afterwards could be led elsewhere by a link.
	defer unix.Umask(unix.Umask(0))

	// Before any mount: the copy of the table must not carry ours to the host. Slave and not
	// private: what the host unmounts later must not be kept alive by us.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mount(%q, MS_REC|MS_SLAVE): %w", "/", err)
	}
	r, err := c.openRoot()
	if err != nil {
		return err
	}
	defer r.close()
	for _, m := range c.Mounts {
		if err := r.mount(m); err != nil {
			return err
		}
	}
	if err := r.fillDev(c.Devices, c.Links); err != nil {
		return err
	}
	for _, v := range c.Volumes {
		if err := r.bindVolume(v); err != nil {
			return fmt.Errorf("volume %s: %w", v, err)
		}
	}
	// After the volumes: none of them may lie over a mask.
	for _, path := range c.ReadOnlyPaths {
		if err := r.makeReadOnly(path); err != nil {
			return err
		}
	}
	for _, path := range c.MaskedPaths {
		if err := r.mask(path); err != nil {
			return err
		}
	}
	if err := r.closeDown(c); err != nil {
		return err
	}
	return r.pivot()
}

// CloseOnExec marks every descriptor from 3 on, so that execve(2) closes it: a folder of
// the host that is open is a way out, whatever the root. Call it after everything else that
// opens something; keep are those that the program is to have.
func CloseOnExec(keep ...int) error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, …, CLOSE_RANGE_CLOEXEC): %w", err)
	}
	for _, fd := range keep {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("fcntl(%d, F_SETFD): %w", fd, err)
		}
	}
	return nil
}
