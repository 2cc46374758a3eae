package idmap

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Proc is where procfs is mounted, unless a caller knows better.
const Proc = "/proc"

// Of reads the maps of a process, as the reader's own user namespace names the ids.
func Of(proc string, pid int) (ids IDs, err error) {
	for _, f := range []struct {
		name string
		m    *Map
	}{{"uid_map", &ids.UID}, {"gid_map", &ids.GID}} {
		path := filepath.Join(proc, strconv.Itoa(pid), f.name)
		text, err := os.ReadFile(path)
		if err != nil {
			return IDs{}, err
		}
		if *f.m, err = Parse(bytes.NewReader(text)); err != nil {
			return IDs{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	return ids, nil
}

// Apply gives the user namespace of a process its maps. The process was cloned with
// CLONE_NEWUSER and waits: it must not have gone on before, and if it has executed a
// program, its capabilities are gone until it executes one as the new root (lesson 05).
//
// Who may map anything writes directly; an ordinary user writes directly what is one line
// of its own id, and has newuidmap(1) and newgidmap(1) write the rest.
func Apply(proc string, pid int, ids IDs) error {
	if err := errors.Join(ids.UID.Check(), ids.GID.Check()); err != nil {
		return err
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	switch {
	case mayMapAnything():
		return errors.Join(write(proc, pid, "uid_map", ids.UID.Kernel()), write(proc, pid, "gid_map", ids.GID.Kernel()))
	case ids.UID.only(uid) && ids.GID.only(gid):
		// Before gid_map: without a privilege it may be written only when setgroups(2) has
		// been given up for good (user_namespaces(7)).
		if err := write(proc, pid, "setgroups", "deny"); err != nil {
			return err
		}
		return errors.Join(write(proc, pid, "uid_map", ids.UID.Kernel()), write(proc, pid, "gid_map", ids.GID.Kernel()))
	}
	if err := helper("newuidmap", pid, ids.UID); err != nil {
		return err
	}
	return helper("newgidmap", pid, ids.GID)
}

// only: is the map one line of one id, this one?
func (m Map) only(id uint32) bool { return len(m) == 1 && m[0].Outside == id && m[0].Size == 1 }

// mayMapAnything asks for CAP_SETUID and CAP_SETGID, in whatever user namespace we are.
func mayMapAnything() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // version 3: 64 bits in two halves
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	const both = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return data[0].Effective&both == both
}

// write is one write(2): the kernel takes a map once, and as a whole.
func write(proc string, pid int, name, text string) error {
	path := filepath.Join(proc, strconv.Itoa(pid), name)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return fmt.Errorf("%w (%q)", err, text)
	}
	return nil
}

// helper has a set-user-ID program write the map: it compares with /etc/subuid.
func helper(name string, pid int, m Map) error {
	args := []string{strconv.Itoa(pid)}
	for _, l := range m {
		for _, n := range []uint32{l.Inside, l.Outside, l.Size} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, m, err, bytes.TrimSpace(out))
	}
	return nil
}

// UserNS makes a user namespace in which nobody is, for idmapped mounts: a mount keeps it by
// itself. The descriptor is the caller's to close. The caller may map anything.
func UserNS(ids IDs) (*os.File, error) {
	if err := errors.Join(ids.UID.Check(), ids.GID.Check()); err != nil {
		return nil, err
	}
	// A tracee stops before the first instruction of its new program and waits for its
	// tracer, which is a thread: ours, until we have killed the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	child, err := os.StartProcess("/proc/self/exe", []string{"userns"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:                 unix.CLONE_NEWUSER,
		UidMappings:                ids.UID.SysProc(),
		GidMappings:                ids.GID.SysProc(),
		GidMappingsEnableSetgroups: true,
		Ptrace:                     true,
		Pdeathsig:                  unix.SIGKILL,
	}})
	if err != nil {
		return nil, fmt.Errorf("clone(CLONE_NEWUSER) with %s and %s: %w", ids.UID, ids.GID, err)
	}
	userns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", child.Pid))
	unix.Kill(child.Pid, unix.SIGKILL) // not through os: it waits in a stop that Wait would report
	var ws unix.WaitStatus
	for {
		_, waitErr := unix.Wait4(child.Pid, &ws, 0, nil)
		if waitErr == unix.EINTR || (waitErr == nil && ws.Stopped()) {
			continue // the stop first, the end after it
		}
		break
	}
	child.Release()
	return userns, err
}
