package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/console"
	"mydocker.example/shared/idmap"
	"mydocker.example/shared/join"
	"mydocker.example/shared/store"
	"mydocker.example/shared/undo"
)

// All of this file runs on the host's side.

// lastDescriptor is the end of every range of descriptors (close_range(2)).
const lastDescriptor = math.MaxUint32

// forwarded are the signals that mydocker hands on to the container.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

func runCommand(s store.Store, args []string) (code int, err error) {
	spec, err := parseRun(args)
	if err != nil {
		return 0, err
	}
	return run(s, spec)
}

// run makes a container and runs it: here, or under a keeper of its own.
func run(s store.Store, spec Spec) (code int, err error) {
	if err := spec.plan(s); err != nil {
		return 0, fmt.Errorf("run: %w", err)
	}
	r := store.Record{ID: store.NewID(), Name: spec.Name, Command: spec.Process.Args}
	if spec.Detach {
		if r.Config, err = json.Marshal(spec); err != nil {
			return 0, err
		}
		if r, err = s.Create(r); err != nil {
			return 0, err
		}
		return detach(s, r)
	}
	c := &container{store: s, record: r, spec: spec, caller: caller{os.Stdin, os.Stdout, os.Stderr}}
	return c.supervise(func() {})
}

// plan completes what was asked for with what depends on this machine, and refuses what
// cannot be had here. Nothing is made but what all containers share.
func (s *Spec) plan(st store.Store) (err error) {
	if err := chooseMaps(&s.Linux); err != nil {
		return err
	}
	if err := s.resolveModes(st); err != nil {
		return err
	}
	for _, m := range s.Mounts {
		if _, err := os.Stat(m.Source); err != nil {
			return fmt.Errorf("volume %s: %w", m.volume(), err)
		}
	}
	if s.Process.Rlimits, err = rlimits(); err != nil {
		return err
	}
	// A container without the limit that was asked for is worse than none. Without a cgroup
	// that nobody has asked for it is still a container.
	parent, err := handDown(s.Linux.Resources.limits())
	switch {
	case err == nil:
		s.Linux.CgroupsPath = parent // of which it will be a part
	case s.Linux.Resources != Resources{}:
		return fmt.Errorf("the limits cannot be had here: %w", err)
	case s.PIDMode != "":
		return fmt.Errorf("--pid: without a cgroup its processes could not be told from others: %w", err)
	}
	s.Root.Path, err = checkRootfs(s.Root.Path, st.Root)
	return err
}

// A caller is where a container's input comes from, and where its output goes beside the log.
type caller struct{ stdin, stdout, stderr *os.File }

// supervise is the life of a container, seen from its parent: make, start, wait, and take
// back. Whoever runs it is the container's keeper. started is called when the command runs.
func (c *container) supervise(started func()) (code int, err error) {
	taken := takeSignals()
	failed := c.prepare() // in the meantime: nobody sees anything of it yet
	signals := <-taken

	if err := c.begin(); err != nil {
		return 0, errors.Join(err, c.undo.Run())
	}
	say, err := hold(c.store, c.record.ID)
	if err != nil {
		return 0, errors.Join(err, c.undo.Run(), c.drop())
	}
	if failed == nil {
		failed = c.start()
	}
	if failed != nil {
		return 0, c.giveUp(failed)
	}
	started()

	go forward(signals, c.child)
	code, err = c.wait()
	return code, errors.Join(err, c.end(code), say(code))
}

// takeSignals has the signals that are forwarded come to us, where they would end us halfway.
// Go makes some threads for it, which takes the time of a tenth of a start: so it goes on at
// the side. What nohup(1) made us ignore stays ignored, by us and not by the command. Of those
// who read no more we want to hear by EPIPE.
func takeSignals() <-chan chan os.Signal {
	taken := make(chan chan os.Signal)
	go func() {
		signals := make(chan os.Signal, 16)
		signal.Notify(signals, slices.DeleteFunc(slices.Clone(forwarded), signal.Ignored)...)
		signal.Ignore(syscall.SIGPIPE)
		taken <- signals
	}()
	return taken
}

// begin takes the id and the name, unless that is done (detach).
func (c *container) begin() (err error) {
	if !c.record.Created.IsZero() {
		return nil
	}
	if c.draft, err = c.store.Begin(c.record); err == nil {
		c.record = c.draft.Record
	}
	return err
}

// giveUp takes back a container that has not come to run. One whose command was at fault
// stays, as docker's does.
func (c *container) giveUp(why error) error {
	err := errors.Join(why, c.undo.Run())
	var command *startError
	if errors.As(why, &command) && !c.spec.AutoRemove {
		c.record.Process = store.Process{}
		return errors.Join(err, c.write())
	}
	return errors.Join(err, c.drop(), sweep(c.store)) // half a container is none
}

// A container is what a keeper knows of the one it keeps.
type container struct {
	store  store.Store
	record store.Record
	draft  *store.Draft // until its first record is written; nil: it was, by somebody else
	spec   Spec
	caller caller

	undo undo.Stack // what it has on the host. All of it is found from its id, too: rm -f

	// On the way to its start.
	cmd     *exec.Cmd     // what is to be started as process 1
	program *join.Program // process 1
	report  *os.File      // it waits at the other end for our word, and tells what failed
	born    []*os.File    // what only the child is to have open
	lower   int           // its descriptor of the rootfs with other owners; 0: none
	console int           // its descriptor of a socket that wants a terminal's master; 0: none
	shared  []joined
	gate    *gate
	folders layers
	ports   *link

	// While it runs.
	child    *child   // process 1
	pipes    *pipes   // without a terminal
	socket   *os.File // with one: where it comes from
	terminal func() error
}

// start makes everything that the container has on the host, and starts what was prepared.
// Whatever fails, what was made is on c.undo, and a startError says that all was there but
// the command.
func (c *container) start() (err error) {
	// The ports first: they may be somebody else's.
	if err := c.publish(); err != nil {
		return err
	}
	if err := c.makeFolders(); err != nil {
		return err
	}
	if err := c.makeGroup(); err != nil {
		return err
	}
	if err := c.clone(); err != nil {
		return err
	}
	// While the child makes its root. Nobody has waited for it yet: even if it is gone
	// already, its PID is still its own.
	if c.record.Process, err = c.store.Identify(c.child.pid); err != nil {
		return err
	}
	if err := c.write(); err != nil {
		return err
	}
	if err := c.attach(); err != nil {
		return err
	}
	if err := c.release(); err != nil {
		return err
	}
	return c.carry()
}

// publish takes the ports of the host.
func (c *container) publish() (err error) {
	if c.ports, err = publish(c.record.ID, c.spec.Ports); err != nil {
		return err
	}
	c.undo.Push(c.ports.close)
	return nil
}

// makeFolders makes what the container's root consists of. It is in the container's folder,
// and goes with it.
func (c *container) makeFolders() error {
	uid, gid := c.spec.Linux.hostRoot()
	c.folders = layers{Dir: c.store.Dir(c.record.ID), Rootfs: c.spec.Root.Path, UID: uid, GID: gid, Etc: c.spec.etc(netip.Addr{})}
	return c.folders.make()
}

// makeGroup makes the container's cgroup, and has the child born in it (CLONE_INTO_CGROUP).
func (c *container) makeGroup() error {
	if c.spec.Linux.CgroupsPath == "" {
		return nil
	}
	g, err := newGroup(c.spec.Linux.CgroupsPath, c.record.ID, c.spec.Linux.Resources.limits())
	if err != nil {
		return err
	}
	c.undo.Push(func() error { return removeGroup(g) })
	c.spec.Linux.CgroupsPath = g.Path
	folder, err := g.Dir()
	if err != nil {
		return err
	}
	c.born = append(c.born, folder)
	// The namespace in Unshareflags, not in Cloneflags: its root is the group of who makes it,
	// and that must be the child.
	c.cmd.SysProcAttr.UseCgroupFD, c.cmd.SysProcAttr.CgroupFD = true, int(folder.Fd())
	c.cmd.SysProcAttr.Unshareflags |= unix.CLONE_NEWCGROUP
	return nil
}

// prepare makes the child's command, and decides what crosses fork(2) and execve(2).
// Unasked, everything would: the caller's environment, its open descriptors, and a life
// that goes on without the parent.
func (c *container) prepare() (err error) {
	spec := &c.spec
	if spec.Hostname == "" {
		spec.Hostname = c.record.ID
	}
	spec.Process.Env = spec.Process.baseEnv(spec.Hostname)

	// Go opens everything close-on-exec, but what it was itself handed by its caller is
	// not. Marked, not closed: the Go runtime has descriptors of its own among them.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}
	// The child waits at the other end of this, its descriptor 3, until it may go on (init.go).
	ours, theirs, err := join.Channel()
	if err != nil {
		return err
	}
	c.report, c.born = ours, append(c.born, theirs)
	c.undo.Push(func() error { c.report.Close(); return nil })
	// Nothing of our environment is for process 1.
	c.cmd = &exec.Cmd{Args: []string{"init"}, Env: []string{}, ExtraFiles: []*os.File{theirs}}

	// SIGKILL for process 1 when its parent dies, however it dies; and with process 1 the
	// kernel ends all others of the PID namespace.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		Setsid:    true, // what our terminal sends with Ctrl-C comes by way of forward
	}
	if err := errors.Join(c.isolate(), c.connect()); err != nil {
		return err
	}
	return c.writeProgram()
}

// writeProgram writes down what process 1 does, and makes it a file to be executed.
func (c *container) writeProgram() (err error) {
	if c.program, err = c.init(); err != nil {
		return err
	}
	file, err := c.program.File("init")
	if err != nil {
		return err
	}
	c.born = append(c.born, file)
	c.cmd.Path = fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	return nil
}

// isolate decides on the namespaces.
func (c *container) isolate() error {
	own, shared, err := c.spec.namespaces(c.store)
	if err != nil {
		return err
	}
	c.shared = shared
	if c.spec.PIDMode != "" {
		// In another PID namespace the child does not see its parent, and the standard library
		// would take it for dead. It asks for its signal itself (init.go).
		c.cmd.SysProcAttr.Pdeathsig = 0
	}
	c.cmd.SysProcAttr.Cloneflags = uintptr(own)
	if c.spec.Linux.UIDMappings == nil {
		return nil
	}
	ids := c.spec.Linux.ids()
	if !rootless() { // the rootfs is the host's root's: shown with owners of the container
		userns, err := idmap.UserNS(ids)
		if err != nil {
			return err
		}
		defer userns.Close()
		tree, err := idmap.Tree(c.spec.Root.Path, userns)
		if err != nil {
			return err
		}
		c.born = append(c.born, tree)
		c.lower = c.hand(tree)
	}
	c.gate, err = inUserNamespace(c.cmd, ids)
	return err
}

// hand gives the child a descriptor, and returns its number there.
func (c *container) hand(f *os.File) int {
	c.cmd.ExtraFiles = append(c.cmd.ExtraFiles, f)
	return 2 + len(c.cmd.ExtraFiles)
}

// connect makes the ways in and out: pipes, or a socket by which the child sends a terminal.
func (c *container) connect() (err error) {
	if c.spec.Process.Terminal {
		ours, theirs, err := console.Socket()
		if err != nil {
			return err
		}
		c.socket, c.born = ours, append(c.born, theirs)
		c.console = c.hand(theirs)
		return nil
	}
	if c.pipes, err = newPipes(c.spec.Interactive); err != nil {
		return err
	}
	c.undo.Push(func() error { c.pipes.close(); return nil })
	if c.pipes.stdin != nil {
		c.cmd.Stdin = c.pipes.stdin
	}
	c.cmd.Stdout, c.cmd.Stderr = c.pipes.stdout, c.pipes.stderr
	if rootless() {
		return nil // they are ours, and so the container's root's
	}
	uid, gid := c.spec.Linux.hostRoot()
	return c.pipes.own(uid, gid)
}

// clone starts the child, which waits for our word.
func (c *container) clone() (err error) {
	// The child begins where we stand, in the container's folder: the root of a user
	// namespace could not get there by a path.
	if err := os.Chdir(c.folders.Dir); err != nil {
		return err
	}
	// prepare asks for a signal at the death of the parent. To the kernel the parent is
	// the thread that called clone(2), not the process (prctl(2), PR_SET_PDEATHSIG): were
	// Go to end that thread, the container would die for nothing. Never unlocked.
	runtime.LockOSThread()
	err = born(c.shared, func() (err error) { c.child, err = startChild(c.cmd); return err })
	closeAll(c.shared)
	for _, f := range c.born {
		f.Close() // our copy: what the child reports through ends with the child
	}
	if c.child != nil {
		c.undo.Push(func() error {
			c.child.Signal(unix.SIGKILL) // fails when it has ended
			return c.child.wait()
		})
	}
	if err != nil {
		return err
	}
	if c.pipes != nil {
		c.pipes.started()
	}
	if c.gate != nil {
		return c.gate.open(c.child.pid, c.spec.Linux.ids())
	}
	return nil
}

// attach connects the child to the bridge, and tells it its address.
func (c *container) attach() error {
	if c.spec.NetworkMode != "bridge" {
		return nil
	}
	c.undo.Push(func() error { return detachNetwork(c.record.ID) })
	addr, err := c.ports.attach(c.child.pid, c.spec.Ports)
	if err != nil {
		return err
	}
	return c.folders.writeEtc(map[string][]byte{"hosts": c.spec.etc(addr)["hosts"]})
}

// release lets the child go on, and waits until the command runs, or cannot.
func (c *container) release() error {
	if _, err := c.report.Write([]byte{1}); err != nil && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("write(the word to go on): %w", err)
	}
	return blame(c.spec.Process, c.program.Outcome(c.report))
}

// write writes the record, with the Spec as it has become.
func (c *container) write() (err error) {
	if c.record.Config, err = json.Marshal(c.spec); err != nil {
		return err
	}
	if c.draft == nil {
		return c.store.Put(c.record)
	}
	d := c.draft
	d.Record, c.draft = c.record, nil
	return d.Save()
}

// drop removes a container that has not come to run.
func (c *container) drop() error {
	if c.draft != nil {
		c.draft.Close()
	}
	return forget(c.store, c.record.ID)
}

// carry begins to carry what the container prints, and reads.
func (c *container) carry() error {
	to := logOf(c.store, c.record.ID)
	if c.pipes != nil {
		c.pipes.carry(c.caller.stdin, tee{to, c.caller.stdout}, tee{to, c.caller.stderr})
		return nil
	}
	defer c.socket.Close()
	master, err := console.Receive(c.socket)
	if err != nil {
		return err
	}
	var stdin *os.File
	if c.spec.Interactive {
		stdin = c.caller.stdin
	}
	c.terminal, err = showTerminal(master, stdin, c.caller.stdout, tee{to, c.caller.stdout})
	return err
}

// wait waits for the end, and for all that was printed.
func (c *container) wait() (code int, err error) {
	if err := c.child.wait(); err != nil {
		return 0, err
	}
	// With process 1 all others have been killed, unless the PID namespace was another's.
	if c.spec.PIDMode != "" {
		if err := killGroup(c.record.ID); err != nil && !gone(err) {
			return 0, err
		}
	}
	if c.pipes != nil {
		c.pipes.finish()
	} else {
		err = c.terminal()
	}
	return exitStatus(c.child.status), err
}

// end writes down how it ended, and takes back what the container has on the host.
func (c *container) end(code int) (err error) {
	if c.spec.Linux.CgroupsPath != "" && code == 128+int(syscall.SIGKILL) {
		err = outOfMemory(c.record.ID, c.spec.Linux.Resources)
	}
	c.record.Finished, c.record.ExitCode = time.Now(), &code
	failed := c.store.Put(c.record)
	if errors.Is(failed, store.ErrNotFound) { // rm -f
		failed = nil
	}
	err = errors.Join(err, failed, c.undo.Run())
	if c.spec.AutoRemove {
		err = errors.Join(err, forget(c.store, c.record.ID), sweep(c.store))
	}
	return err
}

// forward hands signals on to the container for as long as mydocker lives.
func forward(signals <-chan os.Signal, to interface{ Signal(os.Signal) error }) {
	for sig := range signals {
		to.Signal(sig) // fails only when it has ended, and then waiting says so
	}
}

// exitStatus is the shell's and docker's one number for both ways to end (wait(2)).
func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
