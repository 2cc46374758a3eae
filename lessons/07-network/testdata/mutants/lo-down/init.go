// mutant: task=net-modes diagnosis=lo-down
// A loopback is thought to work by itself.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/console"
	"mydocker.example/shared/join"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
)

// All of this file runs in the child: after clone(2) into the new namespaces, and after the
// execve(2) of our own program. It is process 1 of the container, and it stays: the command
// is its child.
//
//	mydocker ──clone, execve──▶ init (process 1) ──clone, execve──▶ the command
//	     ── "go on" ──────────▶                 ◀── orphans ── whatever that starts
//
// A birth is what process 1 is told, by way of a file in memory.
type birth struct {
	Spec    Spec
	Caps    caps.Set
	Filter  []byte
	Lower   int // descriptor of the rootfs with other owners; 0: none
	Console int // descriptor of a socket that wants a terminal's master; 0: none
	Size    unix.Winsize
}

func init() {
	reexec.Register("init", containerInit)
	if os.Args[0] == "init" {
		runtime.LockOSThread() // on the main thread, which /proc/1 shows; never unlocked
	}
}

// containerInit makes the child's surroundings the container's, starts the command, and
// ends with its exit code. os.Args[1] is the descriptor of a birth.
func containerInit() {
	setName("init")
	// Once more: in a user namespace execve(2) has made the kernel forget it (prctl(2)). If
	// our parent died before this line, Join will tell.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		os.Exit(exitFailed)
	}
	h, err := reexec.Join() // the parent has us in its record now
	if err != nil {
		os.Exit(exitFailed) // the parent is gone, nobody is left to tell
	}
	cmd, b, err := enter()
	if err != nil {
		h.Fail(err)
		os.Exit(exitCode(err))
	}
	code, err := live(cmd, b, h.Done)
	if err != nil {
		h.Fail(err)
		code = exitCode(err)
	}
	os.Exit(code)
}

// enter furnishes the namespaces that the child was born into, and prepares the command.
func enter() (*join.Cmd, birth, error) {
	// Nobody inside may look into us by /proc/1: at our memory, our descriptors, our program.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, birth{}, fmt.Errorf("prctl(PR_SET_DUMPABLE, 0): %w", err)
	}
	b, err := readBirth()
	if err != nil {
		return nil, b, err
	}
	spec := b.Spec
	if spec.Linux.Resources.Pids != nil {
		reserveThreads()
	}
	if spec.PIDMode != "" { // we are not process 1, and want to wait for orphans all the same
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, b, fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
		}
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return nil, b, fmt.Errorf("sethostname(%q): %w", spec.Hostname, err)
	}
	oomScore, err := oomScoreAdj()
	if err != nil {
		return nil, b, err
	}
	var noGroups bool
	if spec.Linux.UIDMappings != nil {
		text, err := os.ReadFile("/proc/self/setgroups")
		if err != nil {
			return nil, b, err
		}
		noGroups = strings.TrimSpace(string(text)) == "deny"
	}
	if spec.NetworkMode == "none" {
		if err := loopbackUp(); err != nil {
			return nil, b, err
		}
	}
	if err := enterRoot(spec, b.Lower); err != nil {
		return nil, b, err
	}
	unix.Umask(0o022) // docker's

	// From here on every path is the container's.
	root, err := os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, b, err
	}
	defer root.Close()
	user, home, err := lookUp(root, spec.Process.User.Username)
	if err != nil {
		return nil, b, err
	}
	if err := makeCwd(int(root.Fd()), spec.Process.Cwd); err != nil {
		return nil, b, err
	}
	cmd := spec.Process.cmd(user, home)
	spec.Process.confine(cmd, b.Caps, decodeFilter(b.Filter))
	cmd.OOMScoreAdj, cmd.KeepGroups = oomScore, noGroups
	if b.Console > 0 {
		if err := openConsole(root, b, user, cmd); err != nil {
			return nil, b, err
		}
	} else {
		// The user's, or it could not open /dev/stdout again.
		for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
			if f != os.Stdin || spec.Interactive {
				if err := f.Chown(int(user.UID), int(user.GID)); err != nil {
					return nil, b, err
				}
			}
		}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if spec.Interactive {
			cmd.Stdin = os.Stdin
		} // else the container's own /dev/null
	}
	if err := notOurs(spec.Process.Args[0]); err != nil {
		return nil, b, err
	}
	// Last: a folder of the host that is open is a way out, whatever the root.
	return cmd, b, rootfs.CloseOnExec()
}

// readBirth reads what the parent wrote.
func readBirth() (b birth, err error) {
	fd, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return b, err
	}
	file := os.NewFile(uintptr(fd), "birth")
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(text, &b)
}

// oomScoreAdj is what the command is to have: never less than 0, which would be an order to
// the kernel to kill others first. nil: what we have.
func oomScoreAdj() (*int, error) {
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return nil, err
	}
	zero := 0
	if strings.HasPrefix(string(text), "-") {
		return &zero, os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	}
	return nil, nil
}

// makeCwd makes the folder that the command starts in, as docker does, and opens it. Links are
// followed as the container would, but for those of /proc, which lead anywhere: such a
// folder is not made, and whether it is in the container the command itself asks.
func makeCwd(root int, dir string) error {
	fd, err := openCwd(root, filepath.Clean(dir))
	if errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the folder %q of the container: %w", dir, err)
	}
	return unix.Close(fd)
}

func openCwd(root int, dir string) (fd int, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_DIRECTORY, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err = unix.Openat2(root, dir, &how)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	above, err := openCwd(root, filepath.Dir(dir))
	if err != nil {
		return -1, err
	}
	defer unix.Close(above)
	if err := unix.Mkdirat(above, filepath.Base(dir), 0o755); err != nil {
		return -1, err
	}
	return unix.Openat2(root, dir, &how)
}

// openConsole gives the command a terminal, of the container's own devpts, and the master to
// the keeper.
func openConsole(root *os.File, b birth, user User, cmd *join.Cmd) error {
	c, err := console.Open(root)
	if err != nil {
		return err
	}
	if err := c.Own(int(user.UID), int(user.GID)); err != nil {
		return err
	}
	if err := console.SetSize(c.Master, b.Size); err != nil {
		return err
	}
	to := os.NewFile(uintptr(b.Console), "console socket")
	defer to.Close()
	if err := c.Send(to); err != nil {
		return err
	}
	if err := c.Master.Close(); err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Terminal = c.Slave, c.Slave, c.Slave, true
	return nil
}

// live starts the command, calls started, and does the duties of process 1 until the
// command ends: it hands on signals, and it waits for orphans.
func live(cmd *join.Cmd, b birth, started func()) (code int, err error) {
	// Those that a keeper hands on. Before the start: what nohup(1), or a shell in the
	// background, made us ignore is not to be ignored by the command.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, forwarded...)
	pid, err := cmd.StartPID()
	if err != nil {
		return 0, blame(b.Spec.Process, err)
	}
	if b.Console > 0 { // a terminal ends when nobody has it open
		cmd.Stdin.Close()
	}
	started()
	// The rest needs no power but to signal those who have given theirs up.
	if err := stepDown(b.Caps); err != nil {
		return 0, err
	}
	// What takes the runtime as long as a whole start, when the command has lived for a while:
	// all signals, for as process 1 we get from inside only what we have a handler for
	// (pid_namespaces(7)).
	time.AfterFunc(20*time.Millisecond, func() {
		stepDownAll(b.Caps)
		signal.Notify(signals)
	})
	go func() {
		for sig := range signals {
			if sig != syscall.SIGCHLD && sig != syscall.SIGURG { // Go's threads interrupt one another by it
				unix.Kill(pid, sig.(syscall.Signal)) // it is our child: until we wait for it, the number is its own
			}
		}
	}()
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait4(-1): %w", err)
		case ended == pid:
			return exitStatus(status), nil // and with process 1 all that is left here ends
		}
	}
}

// setName is what ps(1) calls us: we were started by the name of a descriptor.
func setName(name string) {
	text := append([]byte(name), 0)
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&text[0])), 0, 0, 0) // if not, so be it
}

// reserveThreads makes threads ahead. We are in the container's cgroup: pids.max counts our
// threads too, and a Go program that is refused one ends, and with process 1 the container.
// Go keeps the threads that it has once had. With GOMAXPROCS=1 it needs one to run, and one
// for each call that waits: three or four of them.
func reserveThreads() {
	var met, done sync.WaitGroup
	met.Add(reserve)
	for range reserve {
		done.Go(func() {
			runtime.LockOSThread() // so each has a thread of its own
			defer runtime.UnlockOSThread()
			met.Done()
			met.Wait()
		})
	}
	done.Wait()
}

const reserve = 4 // beside the main thread, which is locked, and the runtime's own

// stepDown leaves the main thread, which /proc/1 shows, what the container has, and CAP_KILL.
func stepDown(set caps.Set) error {
	keep := set | caps.Of(unix.CAP_KILL)
	for n := range 64 {
		if keep.Has(n) {
			continue
		}
		// EINVAL: this kernel has no such capability.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("prctl(PR_CAPBSET_DROP, %d): %w", n, err)
		}
	}
	if err := caps.NoNewPrivs(); err != nil {
		return err
	}
	header, data, err := capabilities(keep)
	if err == nil {
		err = unix.Capset(header, &data[0])
	}
	if err != nil {
		return fmt.Errorf("capset(%s): %w", keep, err)
	}
	return nil
}

// stepDownAll is that for the threads that Go has made beside it, with the promise that none
// of them gets back by an execve(2) what it gave up: with SYS_PTRACE somebody inside could
// have one make that call. It stops all of them for a moment, and has time.
func stepDownAll(set caps.Set) {
	syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	keep := set | caps.Of(unix.CAP_KILL)
	if header, data, err := capabilities(keep); err == nil {
		syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0)
	}
}

// capabilities is what capset(2) wants to hear, of those in keep that we have.
func capabilities(keep caps.Set) (*unix.CapUserHeader, *[2]unix.CapUserData, error) {
	header, data := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &[2]unix.CapUserData{}
	if err := unix.Capget(header, &data[0]); err != nil {
		return nil, nil, fmt.Errorf("capget: %w", err)
	}
	for i := range data { // version 3: 64 bits in two halves
		data[i].Permitted &= uint32(keep >> (32 * i))
		data[i].Effective, data[i].Inheritable = data[i].Permitted, 0
	}
	return header, data, nil
}

// loopbackUp starts the loopback device of our own network namespace (netdevice(7)).
func loopbackUp() error {
	return nil
}
