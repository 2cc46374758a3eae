//go:debug containermaxprocs=0

// Mydocker runs commands in containers. Lesson 07 leaves it here, complete: each container
// has its own network, and others may join it.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/explain"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/store"
)

// Exit codes are docker's. All others are the command's own, or 128+n when signal n ended it.
const (
	exitFailed   = 125 // mydocker failed
	exitUnusable = 126 // the command is there, but cannot be run
	exitNotFound = 127 // there is no such command
)

func main() {
	if reexec.Init() { // in a child: init.go, detach.go, userns.go or rootfs.go has run
		return
	}
	os.Exit(report(dispatch(os.Args[1:])))
}

// report prints an error and decides on the exit code.
func report(code int, err error) int {
	var help *helpWanted
	switch {
	case errors.As(err, &help):
		fmt.Print(help.text)
		return 0
	case err == nil:
		return code
	case code == 0:
		code = exitCode(err)
	}
	fmt.Fprintln(os.Stderr, "mydocker:", err)
	if hint := advice(code, err); hint != "" {
		fmt.Fprintln(os.Stderr, "mydocker:", hint)
	}
	return code
}

// advice is a second line: what to do, or why the kernel probably answered so.
func advice(code int, err error) string {
	if code == exitFailed && rootless() && errors.Is(err, unix.EPERM) {
		return "does this machine let ordinary users make user namespaces? (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)"
	}
	return explain.Advice(err)
}

func dispatch(args []string) (code int, err error) {
	if len(args) == 0 {
		return 0, errUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(args) == 0 {
			return 0, &helpWanted{usage()}
		}
		name, args = args[0], []string{"--help"}
	}
	c := commandNamed(name)
	if c == nil {
		return 0, fmt.Errorf("%q is no command of mydocker: %w", name, errUsage)
	}
	s := store.Store{Root: os.Getenv("MYDOCKER_ROOT")}
	if s.Root == "" {
		s.Root = defaultRoot()
	}
	if s.Root, err = filepath.Abs(s.Root); err != nil { // process 1 will stand elsewhere
		return 0, err
	}
	return c.run(s, args)
}

var errUsage = errors.New("mydocker help lists the commands")

// defaultRoot is where containers are kept when MYDOCKER_ROOT does not say it: in memory, and
// where nobody else can write.
func defaultRoot() string {
	if !rootless() {
		return "/run/mydocker"
	}
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprint("/run/user/", os.Geteuid())} {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm() == 0o700 && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) {
			return filepath.Join(dir, "mydocker")
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprint("mydocker-", os.Geteuid()))
}

// exitCode finds the exit code for an error: what went wrong decides between 125, 126 and 127.
func exitCode(err error) int {
	var start *startError
	switch {
	case !errors.As(err, &start):
		return exitFailed
	case errors.Is(start, exec.ErrNotFound), errors.Is(start, fs.ErrNotExist), errors.Is(start, syscall.ENOTDIR):
		return exitNotFound
	case errors.Is(start, fs.ErrPermission), errors.Is(start, syscall.ENOEXEC), errors.Is(start, syscall.EISDIR):
		return exitUnusable
	default: // EAGAIN, ENOMEM: it was clone(2) that failed, not the command
		return exitFailed
	}
}
