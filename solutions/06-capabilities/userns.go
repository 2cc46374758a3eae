package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/idmap"
	"mydocker.example/shared/reexec"
)

// The user namespace of a container: who its users are outside.
//
// Root may write any map, and the standard library writes it while the child stands between
// clone(2) and execve(2). An ordinary user may not: newuidmap(1) is called for a child that
// is there already, and in Go has executed already. It waits for its map:
//
//	mydocker ──clone──▶ await-maps ──execve──▶ init (process 1)
//	   newuidmap, newgidmap ──▶ becomes 0

// lowerFD is the descriptor by which a child under a map is given its rootfs. Before that it
// is the gate of one that waits.
const lowerFD = 3

// chooseMaps decides on the maps. On the host's side, before anything of the container is made.
func chooseMaps(spec *Spec) error {
	all := []idmap.Range{{First: 0, Size: 1<<32 - 1}}
	uids, gids := all, all // root's
	if os.Geteuid() != 0 {
		var err error
		if uids, gids, err = ours(); err != nil {
			return err
		}
	}
	uidFlag, gidFlag := "--uid-map", "--gid-map"
	asked := spec.UIDMap != nil || spec.GIDMap != nil
	switch {
	case !asked && os.Geteuid() == 0:
		return nil // no user namespace
	case !asked:
		spec.UIDMap, spec.GIDMap = everything(uids), everything(gids)
	case spec.UIDMap == nil: // one of them stands for both
		spec.UIDMap, uidFlag = spec.GIDMap, gidFlag
	case spec.GIDMap == nil:
		spec.GIDMap, gidFlag = spec.UIDMap, uidFlag
	}
	spec.Lower = handedIn
	if os.Geteuid() == 0 {
		spec.Lower = translatedTree
	}
	for _, m := range []struct {
		flag  string
		lines idmap.Map
		owned []idmap.Range
	}{{uidFlag, spec.UIDMap, uids}, {gidFlag, spec.GIDMap, gids}} {
		if err := m.lines.CheckRoot(); err != nil {
			return fmt.Errorf("run: %s: %w", m.flag, err)
		}
		if err := m.lines.CheckOwned(m.owned); err != nil {
			return fmt.Errorf("run: %s: %w", m.flag, err)
		}
	}
	return nil
}

// ours are the ids that an ordinary user may map: its own, and where newuidmap is installed
// the subordinate ones.
func ours() (uids, gids []idmap.Range, err error) {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	uids, gids = []idmap.Range{{First: uid, Size: 1}}, []idmap.Range{{First: gid, Size: 1}}
	me, err := user.Current()
	if err != nil {
		return uids, gids, nil // a number without a name has nothing else
	}
	for _, helper := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(helper); err != nil {
			return uids, gids, nil
		}
	}
	uids, err1 := idmap.Owned(idmap.SubUID, me.Username, uid, uid)
	gids, err2 := idmap.Owned(idmap.SubGID, me.Username, uid, gid)
	return uids, gids, errors.Join(err1, err2)
}

// inUserNamespace has the child born in a user namespace, if there is a map for it. late:
// the maps are to be written when it has started.
func inUserNamespace(cmd *exec.Cmd, spec Spec) (late *gate, err error) {
	if spec.UIDMap == nil {
		return nil, nil
	}
	if os.Geteuid() != 0 {
		return laterFor(cmd, spec.Rootfs)
	}
	tree, err := translated(spec)
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{tree} // lowerFD
	mapNow(cmd.SysProcAttr, spec.UIDMap, spec.GIDMap)
	return nil, nil
}

// mapNow is root's way: the maps are written before execve(2), and the child becomes their 0.
func mapNow(child *syscall.SysProcAttr, uids, gids idmap.Map) {
	child.Cloneflags |= unix.CLONE_NEWUSER
	child.UidMappings, child.GidMappings = uids.SysProc(), gids.SysProc()
	child.GidMappingsEnableSetgroups = true // with the Credential, our supplementary groups go
	child.Credential = &syscall.Credential{Uid: 0, Gid: 0}
}

// everything maps all that a user owns: first to last become 0, 1, 2 and so on.
func everything(owned []idmap.Range) (lines idmap.Map) {
	next := uint32(0)
	for _, r := range owned {
		if r.Size > 0 {
			lines = append(lines, idmap.Line{Inside: next, Outside: r.First, Size: r.Size})
			next += r.Size
		}
	}
	return lines
}

// A gate holds a child that has no map yet: it reads from one end of a pipe, and we have the
// other.
type gate struct{ theirs, ours *os.File }

// laterFor is an ordinary user's way: cmd, one of reexec.Command's, waits at a gate for its
// maps. It then finds rootfs open as lowerFD.
func laterFor(cmd *exec.Cmd, rootfs string) (*gate, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Args = append([]string{"await-maps", rootfs}, cmd.Args...)
	cmd.ExtraFiles = []*os.File{theirs} // lowerFD
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	// The first execve(2) takes all other capabilities: 0 is nobody yet. The ambient ones are
	// what is kept on purpose (capabilities(7)), just enough to become 0.
	cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SETUID, unix.CAP_SETGID}
	return &gate{theirs, ours}, nil
}

// open writes the maps of the child that waits, and lets it go.
func (g *gate) open(pid int, uids, gids idmap.Map) error {
	if err := idmap.Apply(idmap.Proc, pid, idmap.IDs{UID: uids, GID: gids}); err != nil {
		return err
	}
	_, err := g.ours.Write([]byte{1})
	return err
}

// close lets go of both ends: a child that still waits gives up.
func (g *gate) close() {
	if g != nil {
		g.theirs.Close()
		g.ours.Close()
	}
}

func init() { reexec.Register("await-maps", awaitMaps) }

// awaitMaps runs in the child of an ordinary user: after clone(2) with CLONE_NEWUSER and the
// first execve(2). os.Args are the rootfs, and the stage that the child is to be.
func awaitMaps() {
	if n, err := unix.Read(lowerFD, make([]byte, 1)); n != 1 || err != nil {
		os.Exit(exitFailed) // the parent has said why
	}
	err := openLower(os.Args[1])
	if err == nil {
		err = becomeRoot()
	}
	if err == nil {
		err = unix.Exec("/proc/self/exe", os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "mydocker:", err)
	os.Exit(exitFailed)
}

// openLower opens the rootfs as long as we are the user who has called mydocker: the
// container's root may be somebody who does not get there.
func openLower(rootfs string) error {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", rootfs, err)
	}
	if err := unix.Dup3(fd, lowerFD, 0); err != nil { // without O_CLOEXEC: for init
		return fmt.Errorf("dup3(%d, %d): %w", fd, lowerFD, err)
	}
	return nil
}

// becomeRoot makes the child the user that its new map calls 0. The execve(2) that follows
// gives it all capabilities.
func becomeRoot() error {
	runtime.LockOSThread() // all of it is of one thread, the one that will execute
	if err := unix.Setgroups(nil); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setgroups(none): %w", err)
	}
	if err := unix.Setresgid(0, 0, 0); err != nil {
		return fmt.Errorf("setresgid(0, 0, 0): %w", err)
	}
	if err := unix.Setresuid(0, 0, 0); err != nil {
		return fmt.Errorf("setresuid(0, 0, 0): %w", err)
	}
	return clearInheritable()
}

// clearInheritable empties the inheritable set of this thread, and with it the ambient one
// (capabilities(7)).
func clearInheritable() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData // version 3: 64 bits in two halves
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	caps[0].Inheritable, caps[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}
