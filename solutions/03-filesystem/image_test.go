package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckRootfs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if got, err := checkRootfs("."); got != dir || err != nil {
		t.Errorf(`checkRootfs(".") = %q, %v`, got, err)
	}
	for path, want := range map[string]string{file: "is not a folder", dir + "/nosuch": "no such folder", file + "/x": "rootfs"} {
		if _, err := checkRootfs(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("checkRootfs(%q): %v", path, err)
		}
	}
}

// On a machine without busybox the default rootfs is made of other programs, and they find
// their loader and their libraries in it.
func TestRootfsWithoutBusybox(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"sh", "ls", "ldd", "bash", "cat"} { // ldd is a script of bash
		if program, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(program, filepath.Join(path, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("PATH", path)
	dir := t.TempDir()
	if err := fillRootfs(dir); err != nil {
		t.Fatal(err)
	}
	loaders, _ := filepath.Glob(dir + "/lib*/ld-*")
	if _, err := os.Stat(dir + "/bin/sh"); err != nil || len(loaders) == 0 {
		t.Errorf("%v; loaders: %v", err, loaders)
	}
}
