package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The lesson's attack. The victim is the user student: a private key in the home folder,
// readable by nobody else, and a process with a token in its environment. The attacker is
// a program that student runs, as mydocker of this lesson runs it: clone and exec.

// privateKey: the attack on a file.
var privateKey = proof.Proof{
	ID: "private-key",
	Attack: &proof.Attack{
		Prepare: prepareKey,
		Run:     readKey,
		Without: asStudent,
		With:    newNamespaces,
		Inside:  newRoot,
		Errno:   unix.ENOENT,
	},
}

// environToken: the same attack on another process.
var environToken = proof.Proof{
	ID: "environ-token",
	Attack: &proof.Attack{
		Prepare: prepareToken,
		Run:     readToken,
		Without: asStudent,
		With:    newNamespaces,
		Inside:  newRoot,
		Errno:   unix.ENOENT,
	},
}

// readKey is the attack program: what any program can do that you run.
func readKey(a *proof.Attacker) error {
	path := a.Get("key")
	key, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(key), "\n")
	a.Saw("head -1 "+path, first)
	return nil
}

// readToken is the other attack program: the environment of a process is a file, and it
// opens for everyone who has the process's user id (proc_pid_environ(5)).
func readToken(a *proof.Attacker) error {
	path := fmt.Sprintf("/proc/%s/environ", a.Get("victim"))
	environ, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, entry := range bytes.Split(environ, []byte{0}) { // the strings are separated by NULs
		if bytes.HasPrefix(entry, []byte("API_TOKEN=")) {
			a.Saw("grep -z API_TOKEN "+path, string(entry))
			return nil
		}
	}
	return errors.New("no API_TOKEN in " + path)
}

// prepareKey makes a home with a key in it. The key is no key; the permissions are real.
func prepareKey(r *proof.Report) (cleanup func(), err error) {
	student, err := studentID()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "home-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(home) }
	ssh := filepath.Join(home, ".ssh")
	key := filepath.Join(ssh, "id_ed25519")
	if err := errors.Join(
		os.Mkdir(ssh, 0o700),
		os.WriteFile(key, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n(a fake)\n"), 0o600),
		os.Chown(home, int(student.Uid), int(student.Gid)),
		os.Chown(ssh, int(student.Uid), int(student.Gid)),
		os.Chown(key, int(student.Uid), int(student.Gid)),
	); err != nil {
		cleanup()
		return nil, err
	}
	r.Saw("key", "the key, its mode and its owner", fmt.Sprintf("%s -rw------- %d", key, student.Uid))
	r.Pass("key", key)
	return cleanup, nil
}

// prepareToken starts a process of student's with a secret in its environment.
func prepareToken(r *proof.Report) (cleanup func(), err error) {
	cmd := exec.Command("cat")
	cmd.Env = []string{"API_TOKEN=s3cr3t-0f-student"}
	if err := asStudent(cmd); err != nil {
		return nil, err
	}
	cat, err := start(cmd)
	if err != nil {
		return nil, err
	}
	r.Sawf("victim", "the victim's PID", "%d", cat.pid())
	r.Pass("victim", strconv.Itoa(cat.pid()))
	return func() { cat.end() }, nil
}

// asStudent has the child run as the ordinary user student, without the groups of root.
// It is set in the parent; setgroups, setgid, setuid are called in the child, after clone(2)
// and before execve(2).
func asStudent(cmd *exec.Cmd) error {
	student, err := studentID()
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &student}
	return nil
}

// studentID: in the lab there is a student, on another machine nobody has to do.
func studentID() (syscall.Credential, error) {
	u, err := user.Lookup("student")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return syscall.Credential{}, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return syscall.Credential{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return syscall.Credential{}, err
	}
	return syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// newNamespaces is half of lesson 03, told ahead: the child gets a mount table of its own,
// a copy of ours, and process numbers of its own, from 1. It is set in the parent. The
// child begins as root, because only root may mount; newRoot takes that away.
func newNamespaces(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID,
	}
	return nil
}

// newRoot is the other half. It runs in the child: after clone(2), before the attack. In
// the end the root of the tree is an empty tmpfs with nothing in it but /proc.
func newRoot(a *proof.Attacker) error {
	student, err := studentID() // now: /etc/passwd will be out of sight
	if err != nil {
		return err
	}
	// Before any mount: the copy of the table is still joined to the original, and what we
	// mounted here would show there too (mount_namespaces(7), shared subtrees).
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount(%q, MS_REC|MS_PRIVATE): %w", "/", err)
	}
	// pivot_root(2) takes only a mount point for a root; and a fresh tmpfs is one. Whatever
	// lay in /mnt is hidden from us, and from nobody else.
	const root = "/mnt"
	if err := unix.Mount("tmpfs", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount(%q, %q, %q): %w", "tmpfs", root, "tmpfs", err)
	}
	if err := os.Mkdir(root+"/proc", 0o555); err != nil {
		return err
	}
	// A procfs made here shows the processes of our PID namespace, which is us alone. The
	// old one, had we bound it, would go on showing everybody.
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount(%q, %q, %q): %w", "proc", root+"/proc", "proc", err)
	}
	// The old root is laid over the new one and then taken off (pivot_root(2), the part
	// about "."): there is no need of a folder to put it in.
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("chdir(%q): %w", root, err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root(%q, %q): %w", ".", ".", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount2(%q, MNT_DETACH): %w", ".", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("chdir(%q): %w", "/", err)
	}
	// Last, because a user may do nothing of the above. The groups first, then the group,
	// then the user: after setuid(2) we may change no group any more.
	return errors.Join(
		syscall.Setgroups(nil),
		syscall.Setgid(int(student.Gid)),
		syscall.Setuid(int(student.Uid)),
	)
}
