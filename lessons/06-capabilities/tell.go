package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
)

// After execve(2): a program that tells what it was given.

func init() { reexec.Register("tell", tell) }

// told is what it tells.
type told struct {
	UID  int               // the effective one
	Is   map[string]string // fields of its status
	Call string            // how the kernel answered the call that it was asked to make
}

// tell runs in the child: after clone(2) and execve(2). Its argument is a call to make.
func tell() {
	t := told{UID: os.Geteuid(), Is: map[string]string{}}
	for _, field := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"} {
		t.Is[field] = mine(field)
	}
	if len(os.Args) > 1 {
		t.Call = answer(calls[os.Args[1]].do(place{}))
	}
	json.NewEncoder(os.Stdout).Encode(t)
}

// execve clones a process from the calling thread, which executes this program anew: path is
// a copy of it, or "" for the program itself. attr may be nil.
func execve(path string, attr *syscall.SysProcAttr, args ...string) (t told, err error) {
	cmd := reexec.Command("tell", args...)
	if path != "" {
		cmd.Path = path
	}
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return told{}, fmt.Errorf("execve(%q): %w", cmd.Path, err)
	}
	return t, json.Unmarshal(out, &t)
}

// copyOfMe lays copies of this program where everybody may execute them. Not in /tmp: that is
// mounted nosuid, and set-user-ID bits and file capabilities count for nothing there.
func copyOfMe() (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("/var", "copy-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "program")
	text, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, text, 0o755))
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// exitOf is how a child of ours ended, in the kernel's words.
func exitOf(cmd *exec.Cmd) string {
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}
