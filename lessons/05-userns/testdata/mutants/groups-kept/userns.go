// mutant: task=map diagnosis=groups-kept also=attack
// What Go does with supplementary groups if nothing is said.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

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
	all := []idRange{{0, 1<<32 - 1}}
	uids, gids := all, all // root's
	if os.Geteuid() != 0 {
		var err error
		if uids, gids, err = ours(); err != nil {
			return err
		}
	}
	asked := spec.UIDMap != nil || spec.GIDMap != nil
	uidFlag, gidFlag := "--uid-map", "--gid-map"
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
		lines []IDMap
		owned []idRange
	}{{uidFlag, spec.UIDMap, uids}, {gidFlag, spec.GIDMap, gids}} {
		if err := checkMap(m.lines); err != nil {
			return fmt.Errorf("run: %s: %w", m.flag, err)
		}
		if err := checkOwned(m.lines, m.owned); err != nil {
			return fmt.Errorf("run: %s: %w", m.flag, err)
		}
	}
	return nil
}

// ours are the ids that an ordinary user may map: its own, and where newuidmap is installed
// the subordinate ones.
func ours() (uids, gids []idRange, err error) {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	uids, gids = []idRange{{uid, 1}}, []idRange{{gid, 1}}
	me, err := user.Current()
	if err != nil {
		return uids, gids, nil // a number without a name has nothing else
	}
	for _, helper := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(helper); err != nil {
			return uids, gids, nil
		}
	}
	moreUIDs, err1 := subordinate("/etc/subuid", me.Username)
	moreGIDs, err2 := subordinate("/etc/subgid", me.Username)
	return append(uids, moreUIDs...), append(gids, moreGIDs...), errors.Join(err1, err2)
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
	return nil, mapNow(cmd.SysProcAttr, spec.UIDMap, spec.GIDMap)
}

// mapNow is root's way: the maps are written before execve(2).
func mapNow(child *syscall.SysProcAttr, uids, gids []IDMap) error {
	// homework: map
	// TODO: CLONE_NEWUSER, UidMappings, GidMappings (mappings). A map turns nobody into
	// anybody (proof still-root): Credential{0, 0} asks for 0 inside. Our supplementary
	// groups go too, if GidMappingsEnableSetgroups is true.
	child.Cloneflags |= unix.CLONE_NEWUSER
	child.UidMappings, child.GidMappings = mappings(uids), mappings(gids)
	child.Credential = &syscall.Credential{Uid: 0, Gid: 0}
	return nil
	// end
}

// mappings is a map in the words of the standard library.
func mappings(lines []IDMap) (out []syscall.SysProcIDMap) {
	for _, l := range lines {
		out = append(out, syscall.SysProcIDMap{ContainerID: int(l.Container), HostID: int(l.Host), Size: int(l.Size)})
	}
	return out
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
func (g *gate) open(pid int, uids, gids []IDMap) error {
	if err := lateMaps(pid, uids, gids); err != nil {
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

// lateMaps writes the maps of a child that waits, as an ordinary user may.
func lateMaps(pid int, uids, gids []IDMap) error {
	// homework: rootless
	// TODO: Our own id as 0 in both maps, and nothing else (onlyOurs): we may write that
	// ourselves, into setgroups, uid_map and gid_map of /proc/PID (proof setgroups). Anything
	// else newuidmap(1) and newgidmap(1) write: PID, then three numbers for each line.
	if onlyOurs(uids, os.Geteuid()) && onlyOurs(gids, os.Getegid()) {
		for _, f := range []struct{ name, text string }{
			{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("0 %d 1", os.Geteuid())}, {"gid_map", fmt.Sprintf("0 %d 1", os.Getegid())},
		} {
			if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f.name), []byte(f.text), 0); err != nil {
				return fmt.Errorf("%w (%q)", err, f.text)
			}
		}
		return nil
	}
	for _, m := range []struct {
		helper string
		lines  []IDMap
	}{{"newuidmap", uids}, {"newgidmap", gids}} {
		args := []string{strconv.Itoa(pid)}
		for _, l := range m.lines {
			args = append(args, fmt.Sprint(l.Container), fmt.Sprint(l.Host), fmt.Sprint(l.Size))
		}
		if out, err := exec.Command(m.helper, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", m.helper, err, bytes.TrimSpace(out))
		}
	}
	return nil
	// end
}

func onlyOurs(lines []IDMap, id int) bool {
	return len(lines) == 1 && lines[0] == IDMap{0, uint32(id), 1}
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
	// homework: rootless
	// TODO: setgroups(2) to nothing (EPERM where it is denied), Setresgid, Setresuid. What we
	// kept on purpose must not be inherited any further: clearInheritable.
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
	// end
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
