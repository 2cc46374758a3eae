package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/ns"
	"mydocker.example/shared/proof"
)

// Two holes that docker has flags for: the host's processes, and everything at once.

// pidHost has a process of the host watched, and killed, from a cell.
var pidHost = proof.Proof{
	ID: "pid-host",
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		for _, scene := range []struct {
			key, name string
			shared    ns.Flags
		}{{"own", "a cell", 0}, {"host", "a cell with --pid host", ns.PID}} {
			victim := exec.Command("sleep", "1000")
			victim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
			if err := victim.Start(); err != nil {
				return err
			}
			pid := victim.Process.Pid
			c.Shared = scene.shared
			err := errors.Join(
				c.saw(r, "sees-"+scene.key, scene.name, fmt.Sprintf("cat /proc/%d/comm", pid)),
				// Memory and environment are guarded by ptrace(2)'s rules too: whoever looks must
				// have all the capabilities of whom he looks at.
				c.saw(r, "environ-"+scene.key, scene.name, fmt.Sprintf("cat /proc/%d/environ", pid)),
				c.saw(r, "kill-"+scene.key, scene.name, fmt.Sprintf("kill -9 %d && echo sent", pid)),
			)
			if err != nil {
				return err
			}
			// SIGTERM for whoever is still there.
			victim.Process.Signal(unix.SIGTERM)
			victim.Wait()
			r.Saw("end-"+scene.key, "the host: the signal that ended its sleep", unix.SignalName(victim.ProcessState.Sys().(syscall.WaitStatus).Signal()))
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.Contains(s.Get("sees-own"), "No such file"), "a cell sees the host's process: %s", s.Get("sees-own"))
		s.Check(strings.Contains(s.Get("kill-own"), "No such process"), "a cell reaches the host's process: %s", s.Get("kill-own"))
		s.Equal("end-own", "SIGTERM")
		s.Equal("sees-host", "sleep")
		s.Check(strings.Contains(s.Get("environ-host"), "Permission denied"), "its environment is open, too: %s", s.Get("environ-host"))
		s.Equal("kill-host", "sent")
		s.Equal("end-host", "SIGKILL")
	},
}

// privileged has a cell look for the disk of the host.
var privileged = proof.Proof{
	ID: "privileged", Dangerous: true, // it mounts the disk of the machine
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		disk, err := systemDisk()
		if err != nil {
			return err
		}
		r.Sawf("disk", "the host: its disk, block device", "%s %d:%d", disk.fstype, disk.major, disk.minor)
		secret, err := os.ReadFile("/etc/shadow")
		if err != nil {
			return err
		}
		root, _, _ := strings.Cut(string(secret), ":")
		r.Saw("shadow", "the host: head -n 1 /etc/shadow, up to the colon", root)

		node := fmt.Sprintf("mknod /dev/disk b %d %d; ", disk.major, disk.minor)
		mount := fmt.Sprintf("mount -t %s -o ro /dev/disk /mnt && cut -d: -f1 /mnt/etc/shadow | head -n 1", disk.fstype)
		for _, scene := range []struct {
			key, name string
			on        bool
		}{{"default", "a cell", false}, {"privileged", "--privileged", true}} {
			c.Privileged = scene.on
			err := errors.Join(
				c.saw(r, "read-"+scene.key, scene.name, node+"head -c 4 /dev/disk"),
				c.saw(r, "mount-"+scene.key, scene.name, node+mount),
				c.saw(r, "sysctl-"+scene.key, scene.name, "cd /proc/sys/kernel; was=$(cat core_pattern); echo \"$was\" >core_pattern && echo written"),
			)
			if err != nil {
				return err
			}
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.Contains(s.Get("read-default"), "Permission denied"), "a cell reads the disk: %s", s.Get("read-default"))
		s.Check(strings.Contains(s.Get("mount-default"), "denied") || strings.Contains(s.Get("mount-default"), "not permitted"), "a cell mounts the disk: %s", s.Get("mount-default"))
		s.Check(strings.Contains(s.Get("sysctl-default"), "Read-only"), "a cell writes sysctls: %s", s.Get("sysctl-default"))
		s.Check(s.Get("read-privileged") != "" && !strings.Contains(s.Get("read-privileged"), " "), "the disk cannot be read: %s", s.Get("read-privileged"))
		s.Same("mount-privileged", "shadow")
		s.Equal("sysctl-privileged", "written")
	},
}

// A disk is a block device with a file system.
type blockDevice struct {
	major, minor uint32
	fstype       string
}

// systemDisk is the disk that the lab's own files are on: the first in /dev.
func systemDisk() (blockDevice, error) {
	disks, err := filepath.Glob("/dev/vd?")
	if err != nil || len(disks) == 0 {
		return blockDevice{}, fmt.Errorf("no disk in /dev: %v", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(disks[0], &st); err != nil {
		return blockDevice{}, fmt.Errorf("stat(%q): %w", disks[0], err)
	}
	return blockDevice{unix.Major(st.Rdev), unix.Minor(st.Rdev), "squashfs"}, nil
}
