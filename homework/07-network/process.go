package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/join"
	"mydocker.example/shared/seccomp"
)

// The command, as process 1 starts it and as exec does: the same list of system calls
// (shared/join), with the same walls.

// defaultPath is docker's: where a command is looked for, and what it gets as its PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A Rlimit is the OCI specification's.
type Rlimit struct {
	Type string `json:"type"`
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// rlimits are bounds for what a process may take of the kernel's own memory, and never more
// than mydocker has itself. Without them the command would have what our caller has.
func rlimits() (list []Rlimit, err error) {
	for _, r := range []struct {
		resource   int
		name       string
		soft, hard uint64
	}{
		{unix.RLIMIT_NOFILE, "RLIMIT_NOFILE", 1024, 524288}, // systemd's
		{unix.RLIMIT_CORE, "RLIMIT_CORE", 0, math.MaxUint64},
		{unix.RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", 8 << 20, 8 << 20},
		{unix.RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", 819200, 819200},
	} {
		var now unix.Rlimit
		if err := unix.Prlimit(0, r.resource, nil, &now); err != nil {
			return nil, fmt.Errorf("prlimit(%s): %w", r.name, err)
		}
		hard := min(r.hard, now.Max)
		list = append(list, Rlimit{r.name, min(r.soft, hard), hard})
	}
	return list, nil
}

var rlimitNumbers = map[string]int{
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_CORE": unix.RLIMIT_CORE,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE,
}

// cmd is a process in the terms of package join, but for what it is connected to, and its
// walls. user has been looked up.
func (p Process) cmd(user User, home string) *join.Cmd {
	env := p.Env
	if !hasEnv(env, "HOME") {
		env = append(env[:len(env):len(env)], "HOME="+home)
	}
	c := &join.Cmd{
		Args: p.Args, Env: env, Dir: p.Cwd,
		Session: true,
		UID:     int(user.UID), GID: int(user.GID),
	}
	for _, g := range user.AdditionalGids {
		c.Groups = append(c.Groups, int(g))
	}
	return c
}

// confine puts the walls around a command: what p, which is the container's own process, says,
// and a set and a filter that were made from its Spec.
func (p Process) confine(c *join.Cmd, set caps.Set, filter []unix.SockFilter) {
	c.Caps = &join.Capabilities{Bounding: uint64(set), Effective: uint64(set), Permitted: uint64(set)}
	if c.UID != 0 { // as execve(2) would have it
		c.Caps.Effective, c.Caps.Permitted = 0, 0
	}
	c.NoNewPrivs, c.Seccomp, c.Keyring = p.NoNewPrivileges, filter, true
	for _, r := range p.Rlimits {
		c.Rlimits = append(c.Rlimits, join.Rlimit{Resource: rlimitNumbers[r.Type], Soft: r.Soft, Hard: r.Hard})
	}
}

// baseEnv is docker's environment, with what was asked for.
func (p Process) baseEnv(hostname string) (env []string) {
	env = []string{"PATH=" + defaultPath, "HOSTNAME=" + hostname}
	if p.Terminal {
		env = append(env, "TERM=xterm")
	}
	for _, v := range p.Env {
		env = setEnv(env, v)
	}
	return env
}

// filterFor is the seccomp filter of a container: after docker's, following the capabilities
// that are kept.
func filterFor(spec Spec, set caps.Set) ([]unix.SockFilter, error) {
	if spec.Privileged {
		return nil, nil
	}
	return seccomp.Docker(set.Has).Assemble()
}

// A startError says that it was the command that could not be started: main has exit codes
// for it.
type startError struct {
	command string
	err     error
}

func (e *startError) Unwrap() error { return e.err }

func (e *startError) Error() string {
	var failed *join.Error
	if errors.As(e.err, &failed) && failed.Step == join.Execve {
		return fmt.Sprintf("execve(%q): %v", e.command, failed.Errno)
	}
	return e.err.Error()
}

// blame tells a command that cannot be executed, or a folder that it cannot start in, from
// what is mydocker's own failure.
func blame(p Process, err error) error {
	var failed *join.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Step {
	case join.Execve:
		return &startError{p.Args[0], err}
	case join.Chdir, join.Getcwd:
		return fmt.Errorf("the folder %q of the container: %w", p.Cwd, err)
	}
	return err
}

// notOurs refuses a command that is called by a magic link of /proc: between clone(2) and
// execve(2) /proc/self/exe leads to what starts it (CVE-2019-5736), the list of process 1, or
// mydocker's own program for exec. Nobody could write to either; but to run it there is for
// nobody, too.
func notOurs(command string) error {
	if path := filepath.Clean(command); strings.HasPrefix(path, "/proc/") && filepath.Base(path) == "exe" {
		return &startError{command, fmt.Errorf("execve(%q): it is a program that runs, and no file of the container: %w", command, unix.EACCES)}
	}
	return nil
}
