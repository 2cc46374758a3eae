// mutant: task=rootfs diagnosis=default-none
// The default rootfs is filled where others already look for it.

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
)

// checkRootfs runs on the host's side, before anything is recorded: a rootfs that cannot be
// one is refused in words that say why. It returns the path for the child, which is not to
// depend on where we stand.
func checkRootfs(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("rootfs %q: there is no such folder", path)
	}
	if err != nil {
		return "", fmt.Errorf("rootfs: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("rootfs %q is not a folder", path)
	}
	return path, nil
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
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, fillRootfs(dir)
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
	for _, folder := range rootfsFolders {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "tmp"), 0o777|fs.ModeSticky)); err != nil {
		return err
	}
	for name, target := range rootfsLinks {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, text := range rootfsFiles {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return addPrograms(dir)
	}
	if err := addProgram(dir, busybox, "busybox"); err != nil {
		return err
	}
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("%s --list: %w", busybox, err)
	}
	for _, name := range strings.Fields(string(list)) {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
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
