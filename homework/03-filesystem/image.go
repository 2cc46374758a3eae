package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// checkRootfs runs on the host's side, before anything is recorded: a rootfs that cannot be
// one is refused in words that say why. It returns the path for the child, which is not to
// depend on where we stand.
func checkRootfs(path string) (string, error) {
	// homework: rootfs
	// TODO: filepath.Abs, os.Stat. Not there, and there but no folder: two errors, each with
	// the path in it.
	return "", todo("rootfs: checkRootfs")
}

// defaultRootfs is the root of a container that asks for none: made once, from what this
// machine has, and put in its place whole (rename(2)).
func defaultRootfs(root string) (string, error) {
	dir := filepath.Join(root, "rootfs")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	lock, err := os.Open(root) // one makes it, the others wait (flock(2))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	for err = unix.EINTR; errors.Is(err, unix.EINTR); { // Go's own signals
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return "", fmt.Errorf("flock(%q): %w", root, err)
	}
	if _, err := os.Stat(dir); err == nil { // somebody was faster
		return dir, nil
	}
	making := dir + ".new"
	if err := errors.Join(os.RemoveAll(making), os.Mkdir(making, 0o755)); err != nil { // of one that was killed
		return "", err
	}
	if err := fillRootfs(making); err != nil {
		return "", fmt.Errorf("making the default rootfs: %w", err)
	}
	return dir, os.Rename(making, dir)
}

var (
	rootfsFolders = []string{"bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"}
	rootfsLinks   = map[string]string{"sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin"}
	rootfsFiles   = map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"etc/group":  "root:x:0:\nnogroup:x:65534:\n",
	}
)

// fillRootfs makes a minimal root in dir: busybox, or what there is instead.
func fillRootfs(dir string) error {
	// homework: rootfs
	// TODO: The folders (mode 0755; /tmp 01777 by os.Chmod, for the umask), links and files
	// above. Then the programs: copy the machine's busybox (exec.LookPath) to bin/busybox,
	// and for each name that `busybox --list` prints make a symbolic link to it in bin.
	// Where there is no busybox, addPrograms does what it can. dir itself is 0755, too.
	return todo("rootfs: fillRootfs")
}

// addPrograms is for a machine without busybox: a handful of its own programs.
func addPrograms(dir string) error {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return fmt.Errorf("this machine has neither busybox nor sh: %w", err)
	}
	if err := addProgram(dir, shell, "sh"); err != nil {
		return err
	}
	for _, name := range strings.Fields("cat cp df echo env grep head hostname id ls mkdir mount mv ps pwd rm sleep stat tail touch umount uname wc") {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := addProgram(dir, path, name); err != nil {
			return err
		}
	}
	return nil
}

// addProgram copies a program, and the libraries and the loader that it needs (ldd(1)) to
// where it will look for them. Copies: over a hard link the host's file could be written.
func addProgram(dir, path, name string) error {
	if err := addFile(path, filepath.Join(dir, "bin", name)); err != nil {
		return err
	}
	needs, err := exec.Command("ldd", path).Output()
	var static *exec.ExitError
	if errors.As(err, &static) || errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, word := range strings.Fields(string(needs)) {
		if filepath.IsAbs(word) {
			if err := addFile(word, filepath.Join(dir, word)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addFile copies a file, once.
func addFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
