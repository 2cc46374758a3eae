package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The lesson's attacks. The attacker is root in a container as lesson 03 left it: own mounts,
// own processes, own root. In the second half it also has a user namespace.

// container is set in the parent: the namespaces of lessons 02 and 03.
func container(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS}
	return nil
}

// containerOfNobody is set in the parent: the same, and its root is 100000 outside.
func containerOfNobody(cmd *exec.Cmd) error {
	if err := container(cmd); err != nil {
		return err
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 0, Gid: 0}
	return nil
}

// enter runs in the child, in both halves: after clone(2), before the attack.
func enter(a *proof.Attacker, show string) error {
	if err := private(); err != nil {
		return fmt.Errorf("mount(%q, MS_REC|MS_PRIVATE): %w", "/", err)
	}
	if err := newRoot(show); err != nil {
		return err
	}
	ids, err := read("/proc/self/uid_map")
	if err != nil {
		return err
	}
	a.Saw("getuid(2), and uid_map", fmt.Sprintf("%d, %s", os.Getuid(), ids))
	return nil
}

// setup marks what must work in both halves: if it fails, no attack was stopped.
func setup(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("not even the container could be built: " + err.Error()) // without the errno: it is no answer
}

// shadowFile: a file of the host is mounted into the container.
var shadowFile = proof.Proof{
	ID: "shadow",
	Attack: &proof.Attack{
		Run: func(a *proof.Attacker) error {
			if err := setup(enter(a, "/etc/shadow")); err != nil {
				return err
			}
			text, err := os.ReadFile("/host")
			first, _, _ := strings.Cut(string(text), ":")
			a.Saw("cat /host, which is the host's /etc/shadow", said("an entry for "+first, err))
			return err
		},
		Without: container,
		With:    containerOfNobody,
		Errno:   unix.EACCES,
	},
}

// remountSysctl: lesson 03 made /proc/sys read-only. Root of a mount namespace undoes it.
var remountSysctl = proof.Proof{
	ID:        "sysctl",
	Dangerous: true, // for a moment it changes what this machine does with a crashed program
	Attack: &proof.Attack{
		Prepare: prepareSwitch,
		Run:     throwSwitch,
		Without: container,
		With:    containerOfNobody,
		Errno:   unix.EACCES,
	},
	Judge: func(s *proof.Seen) { s.Same("is", "was") }, // of the half that came last
}

const corePattern = "/proc/sys/kernel/core_pattern"

// prepareSwitch keeps the old value, and tells the value afterwards.
func prepareSwitch(r *proof.Report) (cleanup func(), err error) {
	was, err := os.ReadFile(corePattern)
	if err != nil {
		return nil, err
	}
	r.Saw("was", "the host: cat "+corePattern, plain(string(was)))
	return func() {
		r.Saw("is", "the host afterwards: cat "+corePattern, said(read(corePattern)))
		os.WriteFile(corePattern, was, 0)
	}, nil
}

// throwSwitch is the attack program.
func throwSwitch(a *proof.Attacker) error {
	if err := setup(enter(a, "")); err != nil {
		return err
	}
	// As mydocker leaves it since lesson 03.
	const sys = "/proc/sys"
	if err := setup(errors.Join(unix.Mount(sys, sys, "", unix.MS_BIND|unix.MS_REC, ""), remount(sys, unix.MS_RDONLY))); err != nil {
		return err
	}
	const mine = "|/attackers/program"
	err := os.WriteFile(corePattern, []byte(mine), 0)
	a.Saw("echo '"+mine+"' >"+corePattern, answer(err))
	if !errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%s is not read-only: %s", sys, answer(err))
	}
	err = remount(sys, 0)
	a.Saw("mount -o remount,bind,rw "+sys, answer(err))
	if err != nil {
		return setup(err) // the user namespace is not to hinder this, but what follows
	}
	err = os.WriteFile(corePattern, []byte(mine), 0)
	a.Saw("echo '"+mine+"' >"+corePattern, answer(err))
	return err
}

// remount changes the flags of one mount, not of its file system.
func remount(path string, flags uintptr) error {
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|flags, "")
}

// mknodDisk: a device is two numbers, and numbers can be guessed.
var mknodDisk = proof.Proof{
	ID: "mknod",
	Attack: &proof.Attack{
		Prepare: func(r *proof.Report) (func(), error) { _, err := passDisk(r); return nil, err },
		Run: func(a *proof.Attacker) error {
			if err := setup(enter(a, "")); err != nil {
				return err
			}
			dev, err := device(a.Get("disk"))
			if err != nil {
				return err
			}
			err = unix.Mknod("/disk", unix.S_IFBLK|0o600, dev)
			a.Saw("mknod /disk b "+a.Get("disk"), answer(err))
			if err != nil {
				return err
			}
			return readDisk(a, "/disk")
		},
		Without: container,
		With:    containerOfNobody,
		Errno:   unix.EPERM,
	},
}

// leftNode: the node is there, because whoever made the image or the folder made it.
var leftNode = proof.Proof{
	ID: "left-node",
	Attack: &proof.Attack{
		Prepare: prepareNodes,
		Run: func(a *proof.Attacker) error {
			if err := setup(enter(a, a.Get("dev"))); err != nil {
				return err
			}
			// A node that everybody may open, everybody may open: so it is meant.
			null, err := os.OpenFile("/host/null", os.O_WRONLY, 0)
			a.Saw("open /host/null, mode 0666", answer(err))
			if err != nil {
				return setup(err) // then no device can be opened here, and the disk says nothing
			}
			null.Close()
			return readDisk(a, "/host/disk")
		},
		Without: container,
		With:    containerOfNobody,
		Errno:   unix.EACCES,
	},
}

// prepareNodes makes a folder with two nodes, as a /dev of an image has them. Not in /tmp:
// that is mounted nodev.
func prepareNodes(r *proof.Report) (cleanup func(), err error) {
	disk, err := passDisk(r)
	if err != nil {
		return nil, err
	}
	dev, err := os.MkdirTemp("/var", "dev-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(dev) }
	r.Pass("dev", dev)
	number, err := device(disk)
	if err != nil {
		return cleanup, err
	}
	return cleanup, errors.Join(
		os.Chmod(dev, 0o755),
		unix.Mknod(dev+"/disk", unix.S_IFBLK|0o600, number),
		unix.Mknod(dev+"/null", unix.S_IFCHR, int(unix.Mkdev(1, 3))),
		os.Chmod(dev+"/null", 0o666),
	)
}

// passDisk finds the first disk of the machine, "254 0", and passes it.
func passDisk(r *proof.Report) (string, error) {
	table, err := os.ReadFile("/proc/partitions")
	if err != nil {
		return "", err
	}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		if f := strings.Fields(line); len(f) == 4 {
			r.Saw("disk", "head -3 /proc/partitions: the first disk", f[3]+", "+f[0]+" "+f[1])
			r.Pass("disk", f[0]+" "+f[1])
			return f[0] + " " + f[1], nil
		}
	}
	return "", errors.New("/proc/partitions lists no disk")
}

func device(text string) (int, error) {
	var major, minor uint32
	if _, err := fmt.Sscan(text, &major, &minor); err != nil {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	return int(unix.Mkdev(major, minor)), nil
}

// readDisk reads past every file system, permission and mount: the bytes.
func readDisk(a *proof.Attacker, path string) error {
	f, err := os.Open(path)
	if err != nil {
		a.Saw("head -c 4 "+path, answer(err))
		return err
	}
	defer f.Close()
	begin := make([]byte, 4)
	if _, err := f.Read(begin); err != nil {
		return err
	}
	a.Saw("head -c 4 "+path, string(bytes.ToValidUTF8(begin, []byte("?"))))
	return nil
}
