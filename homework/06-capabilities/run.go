package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/ns"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
	"mydocker.example/shared/store"
)

// defaultPath is docker's: where a command is looked for, and what it gets as its PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lastDescriptor is the end of every range of descriptors (close_range(2)).
const lastDescriptor = math.MaxUint32

// forwarded are the signals that mydocker hands on to the container.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// run records a container, then runs it: here, or under a keeper of its own.
func run(s store.Store, spec Spec) (code int, err error) {
	if err := chooseMaps(&spec); err != nil {
		return 0, err
	}
	// A container without the limit that was asked for is worse than none. Without a cgroup
	// that nobody has asked for it is still a container.
	spec.Groups, err = groupsFolder(spec.Limits)
	if err != nil && spec.Limits != (cgroup.Limits{}) {
		return 0, fmt.Errorf("run: the limits cannot be had here: %w", err)
	}
	if spec.Rootfs, err = checkRootfs(spec.Rootfs); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(s.Root, 0o700); err != nil {
		return 0, err
	}
	if _, err := stateRoot(); err != nil { // once more: now nobody can put another in its place
		return 0, err
	}
	if spec.Rootfs == "" {
		spec.Rootfs = filepath.Join(s.Root, "rootfs")
		if err := rootfs.Default(spec.Rootfs); err != nil {
			return 0, err
		}
	}
	config, err := json.Marshal(spec)
	if err != nil {
		return 0, err
	}
	r, err := s.Create(store.Record{Name: spec.Name, Command: spec.Command, Config: config})
	if err != nil {
		return 0, err
	}
	if spec.Detach {
		return detach(s, r)
	}
	return supervise(s, r, func() {})
}

// supervise is the life of a container, seen from its parent: start, record, wait, record.
// Whoever runs it is the container's keeper.
func supervise(s store.Store, r store.Record, started func()) (code int, err error) {
	// prepare asks for a signal at the death of the parent. To the kernel the parent is
	// the thread that called clone(2), not the process (prctl(2), PR_SET_PDEATHSIG): were
	// Go to end that thread, the container would die for nothing. Never unlocked.
	runtime.LockOSThread()

	// Before clone(2): from here on a signal is handed on and no longer ends mydocker.
	// What nohup(1) made us ignore stays ignored: the command inherits that.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, slices.DeleteFunc(slices.Clone(forwarded), signal.Ignored)...)

	if err := hold(s, r.ID); err != nil {
		return 0, err
	}
	cmd, spec, err := prepare(s, r)
	if err != nil {
		return 0, err
	}
	late, err := inUserNamespace(cmd, spec)
	if err != nil {
		return 0, err
	}
	defer late.close()
	var g cgroup.Group
	if spec.Groups != "" {
		if g, err = newGroup(spec.Groups, r.ID, spec.Limits); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, bounded(g.Remove)) }()
		folder, err := birth(g, cmd.SysProcAttr)
		if err != nil {
			return 0, err
		}
		defer folder.Close()
	}
	h, err := reexec.NewHandshake(cmd)
	if err != nil {
		return 0, err
	}
	if err := h.Start(); err != nil {
		return 0, fmt.Errorf("clone(2), execve(%q): %w", cmd.Path, err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close() // the child has its own
	}
	if late != nil {
		if err := late.open(cmd.Process.Pid, spec.UIDMap, spec.GIDMap); err != nil {
			h.Abort()
			cmd.Process.Kill()
			cmd.Wait() // that it was killed is known
			return 0, err
		}
	}
	// The child waits in init.go until it is in the record: what runs can be found. Nobody
	// has waited for it yet: even if it is gone already, its PID is still its own.
	r, err = s.Update(r.ID, func(r *store.Record) (err error) {
		r.Process, err = s.Identify(cmd.Process.Pid)
		return err
	})
	if err != nil {
		h.Abort()
		return 0, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	if err := h.Proceed(); err != nil { // the child's own words, and its exit code says which kind
		cmd.Wait()
		_, neverStarted := s.Update(r.ID, func(r *store.Record) error { r.Process = store.Process{}; return nil })
		return exitStatus(cmd.ProcessState.Sys().(syscall.WaitStatus)), errors.Join(err, neverStarted)
	}
	started()

	go forward(signals, cmd.Process)
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		return 0, fmt.Errorf("wait4(%d): %w", r.PID, err)
	}
	code = exitStatus(cmd.ProcessState.Sys().(syscall.WaitStatus))
	_, err = s.Update(r.ID, func(r *store.Record) error { r.Finished, r.ExitCode = time.Now(), &code; return nil })
	if errors.Is(err, store.ErrNotFound) { // rm -f
		err = nil
	}
	if spec.Groups != "" && code == 128+int(syscall.SIGKILL) {
		err = errors.Join(err, outOfMemory(g, r.ID, spec.Limits))
	}
	return code, err
}

// prepare makes the child's command, and decides what crosses fork(2) and execve(2).
// Unasked, everything would: the caller's environment, its open descriptors, and a life
// that goes on without the parent.
func prepare(s store.Store, r store.Record) (cmd *exec.Cmd, spec Spec, err error) {
	if err := json.Unmarshal(r.Config, &spec); err != nil {
		return nil, spec, fmt.Errorf("the record of container %s: config: %w", r.ID, err)
	}
	if spec.Hostname == "" {
		spec.Hostname = r.ID
	}
	spec.Dir = s.Dir(r.ID)
	if err := layers(spec); err != nil {
		return nil, spec, err
	}
	// The child begins where we stand, and finds them there: by a path the container's root
	// might not get to this folder.
	if err := os.Chdir(spec.Dir); err != nil {
		return nil, spec, err
	}
	config, err := json.Marshal(spec)
	if err != nil {
		return nil, spec, err
	}
	cmd = reexec.Command("init", string(config))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr

	// Docker's environment; and few threads for process 1, which init.go has the reason for.
	cmd.Env = []string{"GOMAXPROCS=1", "PATH=" + defaultPath, "HOME=/root", "HOSTNAME=" + spec.Hostname}

	// Go opens everything close-on-exec, but what it was itself handed by its caller is
	// not. Marked, not closed: the Go runtime has descriptors of its own among them.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, spec, fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}

	// SIGKILL for process 1 when its parent dies, however it dies; and with process 1 the
	// kernel ends all others of the PID namespace.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: uintptr(ns.PID | ns.UTS | ns.IPC | ns.Mount),
		Pdeathsig:  syscall.SIGKILL,
	}
	return cmd, spec, nil
}

// forward hands signals on to the container for as long as mydocker lives.
func forward(signals <-chan os.Signal, p *os.Process) {
	for sig := range signals {
		// Ctrl-C and Ctrl-\ go to every process of the terminal's foreground group
		// (tty_ioctl(4)): the command has had its own already.
		fromTerminal := sig == syscall.SIGINT || sig == syscall.SIGQUIT
		if fromTerminal && inForeground() {
			continue
		}
		p.Signal(sig) // fails only when the container has ended, and then Wait says so
	}
}

func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // no terminal: only kill(2) sends signals here
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitStatus is the shell's and docker's one number for both ways to end (wait(2)).
func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// startError says that it was the command that could not be started: main has exit codes for it.
type startError struct {
	command string
	err     error
}

func (e *startError) Unwrap() error { return e.err }

func (e *startError) Error() string {
	cause := e.err // os/exec names the command as well: down to the errno
	for errors.Unwrap(cause) != nil {
		cause = errors.Unwrap(cause)
	}
	return fmt.Sprintf("execve(%q): %v", e.command, cause)
}
