// mutant: task=exec diagnosis=other-cgroup
// The namespaces are the container, and the cgroup is forgotten.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/console"
	"mydocker.example/shared/join"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/store"
	"mydocker.example/shared/undo"
)

// An extra is one more command for a container that runs.
type extra struct {
	ref     string
	process Process
	detach  bool
	input   bool
	user    bool // -u was given
	folder  bool // -w was given
}

// parseExec reads the arguments of exec.
func parseExec(args []string) (e extra, err error) {
	flags := newFlags("exec")
	flags.on(&e.detach, "-d --detach", "in the background; what it prints is lost")
	flags.on(&e.input, "-i --interactive", "give it the standard input")
	flags.on(&e.process.Terminal, "-t --tty", "give it a terminal")
	flags.each("-e --env", "NAME[=VALUE]", "a variable beside the container's own; without =VALUE, yours", func(text string) error {
		variable, err := parseEnv(text, os.LookupEnv)
		e.process.Env = setEnv(e.process.Env, variable)
		return err
	})
	flags.each("-w --workdir", "FOLDER", "where it starts (the container's)", func(text string) error {
		e.process.Cwd, e.folder = text, true
		return nil
	})
	flags.each("-u --user", "USER[:GROUP]", "who it runs as (the container's)", func(text string) error {
		e.process.User.Username, e.user = text, true
		return nil
	})
	rest, err := flags.parseUntil(2, args)
	switch {
	case err != nil:
		return e, err
	case len(rest) == 0:
		return e, errors.New("exec: which container? (mydocker exec --help)")
	case len(rest) == 1:
		return e, errors.New("exec: no command given (mydocker exec --help)")
	case e.folder && !path.IsAbs(e.process.Cwd):
		return e, fmt.Errorf("exec: the folder %q: it must begin with /", e.process.Cwd)
	}
	e.ref, e.process.Args = rest[0], rest[1:]
	return e, notOurs(rest[1])
}

// execCommand runs one more command in a container.
func execCommand(s store.Store, args []string) (code int, err error) {
	e, err := parseExec(args)
	if err != nil {
		return 0, err
	}
	if e.detach {
		_, code, err := background(os.Environ(), "mydocker-exec", append([]string{s.Root}, args...)...)
		return code, err
	}
	return execIn(s, e, func() {})
}

func init() { reexec.Register("mydocker-exec", execDetached) }

// execDetached is exec -d in the background: its command is its child, and somebody has to
// wait for it. A dead one that nobody waits for would keep the PID namespace, and with it
// the container, from ever ending (pid_namespaces(7)).
func execDetached() {
	e, err := parseExec(os.Args[2:])
	if err != nil {
		os.Exit(report(0, err))
	}
	os.Exit(report(execIn(store.Store{Root: os.Args[1]}, e, tellStarted)))
}

// execIn runs a command in a container. started is called when it runs.
func execIn(s store.Store, e extra, started func()) (code int, err error) {
	// The command's process is a copy of this one until it executes: what is in there by the
	// name /proc/self/exe must be a file that nobody can write to.
	if err := reexec.Seal(); err != nil {
		return 0, err
	}
	var u undo.Stack
	defer func() { err = errors.Join(err, u.Run()) }()

	// Descriptors that we were handed are not for the container.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}
	t, err := findTarget(s, e.ref)
	if err != nil {
		return 0, err
	}
	u.Push(t.close)
	cmd, err := t.command(&e)
	if err != nil {
		return 0, err
	}
	// What nohup(1) made us ignore we ignore, but the command does not: a signal that has a
	// handler here has none there (execve(2)).
	ignored := slices.DeleteFunc(slices.Clone(forwarded), func(sig os.Signal) bool { return !signal.Ignored(sig) })
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, append(forwarded, syscall.SIGPIPE)...)

	finish, err := t.connect(&e, cmd)
	if err != nil {
		return 0, err
	}
	process, err := cmd.Start()
	if err != nil {
		return 0, blame(e.process, err)
	}
	signal.Ignore(append(ignored, syscall.SIGPIPE)...)
	end, err := finish()
	if err != nil {
		return 0, err
	}
	started()
	go forward(signals, process)
	state, err := process.Wait()
	if err != nil {
		return 0, fmt.Errorf("wait4(%d): %w", process.Pid, err)
	}
	return exitStatus(state.Sys().(syscall.WaitStatus)), end()
}

// A target is a container that a command is to join.
type target struct {
	record store.Record
	spec   Spec
	pidfd  int      // its process 1
	root   *os.File // its /
	group  *os.File // its cgroup; nil: none
	groups bool     // setgroups(2) is allowed there
}

func (t *target) close() error {
	var errs []error
	for _, f := range []*os.File{t.root, t.group} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, unix.Close(t.pidfd))...)
}

// findTarget finds a container, and holds what is to be joined. Of a process that has ended
// in between, or another with its number, nothing is taken.
func findTarget(s store.Store, ref string) (t *target, err error) {
	r, err := s.Find(ref)
	if err != nil {
		return nil, err
	}
	t = &target{record: r, pidfd: -1}
	if err := json.Unmarshal(r.Config, &t.spec); err != nil {
		return nil, fmt.Errorf("the record of container %s: config: %w", r.ID, err)
	}
	notRunning := fmt.Errorf("exec: container %s is not running", r.ID)
	switch state, err := stateOf(s, r); {
	case err != nil:
		return nil, err
	case state == Paused:
		return nil, fmt.Errorf("exec: container %s is paused: unpause it first", r.ID)
	case state != store.Running:
		return nil, notRunning
	}
	defer func() {
		if err != nil && t.pidfd >= 0 {
			err = errors.Join(err, t.close())
		}
	}()
	if t.pidfd, err = unix.PidfdOpen(r.PID, 0); err != nil {
		return t, errors.Join(notRunning, fmt.Errorf("pidfd_open(%d): %w", r.PID, err))
	}
	proc := fmt.Sprintf("/proc/%d/", r.PID)
	if t.root, err = os.OpenFile(proc+"root", unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
		return t, err
	}
	deny, err := os.ReadFile(proc + "setgroups")
	if err != nil {
		return t, err
	}
	t.groups = strings.TrimSpace(string(deny)) != "deny"
	if t.spec.Linux.CgroupsPath != "" {
		if t.group, err = groupOf(r.ID).Dir(); err != nil {
			return t, err
		}
	}
	// Last: if it is still the container's process, all of this was the container's.
	if state, err := s.State(r); err != nil || state != store.Running {
		return t, errors.Join(err, notRunning)
	}
	return t, nil
}

// command prepares the command. What was not asked for is the container's.
func (t *target) command(e *extra) (*join.Cmd, error) {
	p := &e.process
	if !e.user {
		p.User = t.spec.Process.User
	}
	if !e.folder {
		p.Cwd = t.spec.Process.Cwd
	}
	env := t.spec.Process.Env
	if p.Terminal && !hasEnv(env, "TERM") {
		env = setEnv(env, "TERM=xterm")
	}
	for _, v := range p.Env {
		env = setEnv(env, v)
	}
	p.Env = env
	user, home, err := lookUp(t.root, p.User.Username)
	if err != nil {
		return nil, err
	}
	p.User = user
	cmd := p.cmd(user, home)
	return cmd, errors.Join(t.enter(cmd), t.walls(cmd))
}

// enter has the command born in the container: in its cgroup, and in all of its namespaces
// that are not ours.
func (t *target) enter(cmd *join.Cmd) (err error) {
	cmd.Target, cmd.KeepGroups = t.pidfd, !t.groups
	cmd.Namespaces, err = join.Differing(t.pidfd)
	return err
}

// walls gives the command those of the container. Without them the joined command is one of
// ours that stands inside: with all our capabilities.
func (t *target) walls(cmd *join.Cmd) error {
	set, _, err := t.spec.capabilities()
	if err != nil {
		return err
	}
	filter, err := filterFor(t.spec, set)
	if err != nil {
		return err
	}
	t.spec.Process.confine(cmd, set, filter)
	cmd.OOMScoreAdj, err = oomScoreOf(t.record.PID)
	return err
}

// connect gives the command its input and output. finish is for when it has started, and end
// for when it has ended.
func (t *target) connect(e *extra, cmd *join.Cmd) (finish func() (end func() error, err error), err error) {
	nothing := func() error { return nil }
	switch {
	case e.process.Terminal:
		c, err := console.Open(t.root)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(c.Own(t.hostID(e.process.User)), console.SetSize(c.Master, terminalSize(os.Stdin, os.Stdout))); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Terminal = c.Slave, c.Slave, c.Slave, true
		return func() (func() error, error) {
			c.Slave.Close() // a terminal ends when nobody has it open
			if e.detach {
				return nothing, nil
			}
			var stdin *os.File
			if e.input {
				stdin = os.Stdin
			}
			return showTerminal(c.Master, stdin, os.Stdout, os.Stdout)
		}, nil
	case e.detach:
		null, err := t.null()
		if err != nil {
			return nil, err
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
		return func() (func() error, error) { return nothing, null.Close() }, nil
	}
	p, err := newPipes(e.input)
	if err != nil {
		return nil, err
	}
	uid, gid := t.hostID(e.process.User)
	if err := p.own(uid, gid); err != nil && !rootless() {
		p.close()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, p.stderr
	if !e.input {
		if cmd.Stdin, err = t.null(); err != nil {
			p.close()
			return nil, err
		}
	}
	return func() (func() error, error) {
		p.started()
		p.carry(os.Stdin, os.Stdout, os.Stderr)
		return func() error { p.finish(); return nil }, nil
	}, nil
}

// hostID is a user of the container as the host knows it.
func (t *target) hostID(u User) (uid, gid int) {
	ids := t.spec.Linux.ids()
	if len(ids.UID) == 0 {
		return int(u.UID), int(u.GID)
	}
	hostUID, ok1 := ids.UID.ToHost(u.UID)
	hostGID, ok2 := ids.GID.ToHost(u.GID)
	if !ok1 || !ok2 {
		return t.spec.Linux.hostRoot()
	}
	return int(hostUID), int(hostGID)
}

// null opens the container's /dev/null, if that is what it is: by now it may be anything.
func (t *target) null() (*os.File, error) {
	at, err := unix.Openat2(int(t.root.Fd()), "dev/null", &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("openat2(the container's /dev/null): %w", err)
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
		return nil, errors.New("the container's /dev/null is none")
	}
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", at), os.O_RDWR, 0)
}

// oomScoreOf is that of the container's process 1: a command that is added is no better.
func oomScoreOf(pid int) (*int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/oom_score_adj", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	score := new(int)
	if _, err := fmt.Fscan(io.LimitReader(f, 16), score); err != nil {
		return nil, err
	}
	return score, nil
}
