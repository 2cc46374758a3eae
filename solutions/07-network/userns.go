package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/idmap"
	"mydocker.example/shared/join"
	"mydocker.example/shared/reexec"
)

// What lesson 05 wrote by hand is shared/idmap now. Here is who the users of a container are
// outside, and how its first process becomes root of its user namespace.
//
// Root may write any map, and the standard library writes it while the child stands between
// clone(2) and execve(2). An ordinary user may not: newuidmap(1) is called for a child that
// exists already and, in Go, has executed already, and so has lost its capabilities. It waits
// for the map, and executes once more.

// rootless: an ordinary user runs mydocker, and has root's rights in user namespaces only.
func rootless() bool { return os.Geteuid() != 0 }

// chooseMaps decides on the maps, before anything is recorded.
func chooseMaps(l *Linux) error {
	if len(l.UIDMappings)+len(l.GIDMappings) == 0 && !rootless() {
		return nil // no user namespace
	}
	uids, gids := []idmap.Range{{First: 0, Size: 1<<32 - 1}}, []idmap.Range{{First: 0, Size: 1<<32 - 1}} // root's: all
	if rootless() {
		var err error
		if uids, gids, err = ours(); err != nil {
			return err
		}
	}
	if len(l.UIDMappings)+len(l.GIDMappings) == 0 {
		l.UIDMappings, l.GIDMappings = everything(uids), everything(gids)
	}
	ids := l.ids()
	if err := ids.UID.CheckOwned(uids); err != nil {
		return fmt.Errorf("--uid-map: %w", err)
	}
	if err := ids.GID.CheckOwned(gids); err != nil {
		return fmt.Errorf("--gid-map: %w", err)
	}
	return nil
}

// checkMaps finds what is wrong with the maps as such. One of the two flags stands for both.
func (s *Spec) checkMaps() error {
	l := &s.Linux
	switch {
	case len(l.UIDMappings)+len(l.GIDMappings) == 0:
		return nil
	case len(l.UIDMappings) == 0:
		l.UIDMappings = slices.Clone(l.GIDMappings)
	case len(l.GIDMappings) == 0:
		l.GIDMappings = slices.Clone(l.UIDMappings)
	}
	ids := l.ids()
	if err := ids.UID.CheckRoot(); err != nil {
		return fmt.Errorf("--uid-map: %w", err)
	}
	if err := ids.GID.CheckRoot(); err != nil {
		return fmt.Errorf("--gid-map: %w", err)
	}
	return nil
}

// ours are the ids that an ordinary user may map: its own, and where newuidmap is installed
// the subordinate ones.
func ours() (uids, gids []idmap.Range, err error) {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	me, nameless := user.Current()
	if _, missing := exec.LookPath("newuidmap"); missing != nil || nameless != nil {
		return []idmap.Range{{First: uid, Size: 1}}, []idmap.Range{{First: gid, Size: 1}}, nil
	}
	uids, err1 := idmap.Owned(idmap.SubUID, me.Username, uid, uid)
	gids, err2 := idmap.Owned(idmap.SubGID, me.Username, uid, gid)
	return uids, gids, errors.Join(err1, err2)
}

// everything maps all that a user owns: first to last become 0, 1, 2 and so on.
func everything(owned []idmap.Range) (lines []IDMapping) {
	next := uint32(0)
	for _, r := range owned {
		if r.Size > 0 {
			lines = append(lines, IDMapping{next, r.First, r.Size})
			next += r.Size
		}
	}
	return lines
}

// hostRoot is who the container's root is outside.
func (l Linux) hostRoot() (uid, gid int) {
	ids := l.ids()
	u, mapped := ids.UID.ToHost(0)
	g, _ := ids.GID.ToHost(0) // checkMaps: both or none
	if !mapped {
		return os.Geteuid(), os.Getegid()
	}
	return int(u), int(g)
}

// inUserNamespace has a command born in a user namespace with these maps. gate is for an
// ordinary user: somebody has to open it when the command has started.
func inUserNamespace(cmd *exec.Cmd, ids idmap.IDs) (*gate, error) {
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	if rootless() {
		return laterFor(cmd)
	}
	cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids.UID.SysProc(), ids.GID.SysProc()
	// A map turns nobody into anybody: root has to be asked for. That drops our supplementary
	// groups, too.
	cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 0, Gid: 0}
	return nil, nil
}

// A gate holds a child that has no map yet. The child has one end of a pipe, we the other.
type gate struct {
	child, ours *os.File
	number      int // the child's end, in the child
}

// laterFor makes cmd wait at a gate before it begins.
func laterFor(cmd *exec.Cmd) (*gate, error) {
	child, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	number := 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(cmd.ExtraFiles, child)
	// What is kept over the first execve(2) without a map: just enough to become root.
	cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SETUID, unix.CAP_SETGID}
	return &gate{child, ours, number}, nil
}

// pass writes down how process 1 waits at the gate, becomes root, and executes itself once
// more, which gives it root's capabilities. The second time it has none to pass on, and goes
// on behind this.
func (g *gate) pass(p *join.Program) {
	inside := &join.Label{}
	first := p.Call("prctl(PR_CAP_AMBIENT_IS_SET)", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, unix.CAP_SETUID, 0, 0)
	p.Is("at the gate", first, 1, unix.ENODATA).On(unix.ENODATA, inside)
	p.AwaitByte(g.number)
	// EPERM: setgroups is denied for good, and with it the groups stay.
	p.Call("setgroups([])", unix.SYS_SETGROUPS, 0, 0).Ignore(unix.EPERM)
	p.Call("setresgid(0)", unix.SYS_SETRESGID, 0, 0, 0)
	p.Call("setresuid(0)", unix.SYS_SETRESUID, 0, 0, 0)
	p.Call("prctl(PR_CAP_AMBIENT_CLEAR_ALL)", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	p.Execute("/proc/self/exe", []string{"init"})
	p.Here(inside)
}

// open writes the maps of the child that waits, and lets it go.
func (g *gate) open(pid int, ids idmap.IDs) error {
	defer g.close()
	if err := idmap.Apply(idmap.Proc, pid, ids); err != nil {
		return err
	}
	_, err := g.ours.Write([]byte{1})
	return err
}

// close gives up: a child that still waits reads the end of the file, and ends.
func (g *gate) close() {
	g.child.Close()
	g.ours.Close()
}

func init() { reexec.Register("await-maps", awaitMaps) }

// awaitMaps runs in the child of an ordinary user: after clone(2) with CLONE_NEWUSER and a
// first execve(2), which has left it two capabilities. os.Args are the gate's descriptor and
// the stage that this child is to be.
func awaitMaps() {
	runtime.LockOSThread() // never unlocked: ids and capabilities are of one thread, the one that executes
	err := becomeRoot(os.Args[1])
	if err == nil {
		err = syscall.Exec("/proc/self/exe", os.Args[2:], os.Environ())
	}
	os.Exit(report(0, fmt.Errorf("becoming root of a user namespace: %w", err)))
}

// becomeRoot waits for the maps, and becomes the user that they call 0.
func becomeRoot(gate string) error {
	fd, err := strconv.Atoi(gate)
	if err != nil {
		return err
	}
	pipe := os.NewFile(uintptr(fd), "gate")
	if _, err := pipe.Read(make([]byte, 1)); err != nil {
		os.Exit(exitFailed) // the parent has said why
	}
	pipe.Close()
	// EPERM: setgroups is denied for good, and with it the groups stay.
	if err := unix.Setgroups(nil); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setgroups([]): %w", err)
	}
	if err := errors.Join(unix.Setresgid(0, 0, 0), unix.Setresuid(0, 0, 0)); err != nil {
		return fmt.Errorf("setresgid(0), setresuid(0): %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_CAP_AMBIENT_CLEAR_ALL): %w", err)
	}
	return nil
}

// asAll runs a stage of this program as root of a user namespace that has all the ids that
// an ordinary user owns: 0 is the user. What it prints is its error.
func asAll(stage string, args ...string) error {
	uids, gids, err := ours()
	if err != nil {
		return err
	}
	l := Linux{UIDMappings: everything(uids), GIDMappings: everything(gids)}
	cmd := reexec.Command(stage, args...)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	gate, err := inUserNamespace(cmd, l.ids())
	if err != nil {
		return err
	}
	// The stage that waits is told which one it was to be.
	cmd.Args = append([]string{"await-maps", strconv.Itoa(gate.number)}, cmd.Args...)
	if err := cmd.Start(); err != nil {
		gate.close()
		return fmt.Errorf("clone(CLONE_NEWUSER): %w", err)
	}
	err = gate.open(cmd.Process.Pid, l.ids())
	if waited := cmd.Wait(); waited != nil && err == nil {
		err = fmt.Errorf("%s: %w: %s", stage, waited, bytes.TrimSpace(out.Bytes()))
	}
	return err
}
