package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// Ten capabilities, each by the one call that needs it.

// A need is one call, and the capability that the kernel asks for.
type need struct {
	capability int
	shown      string // the call as it is shown
	do         func(place) error
	without    string // the kernel's answer when the capability is missing
}

// A place is what the calls need about them: files in folders, and a process, of student's.
type place struct {
	dir    string
	victim int
	uid    int
}

// calls by the names of the capabilities.
var calls = map[string]need{
	"CHOWN": {unix.CAP_CHOWN, "chown(a file of root's, 1)",
		func(p place) error { return unix.Chown(filepath.Join(p.dir, "roots"), 1, -1) }, "EPERM"},
	"DAC_OVERRIDE": {unix.CAP_DAC_OVERRIDE, "open(a file of student's with mode 0600, O_WRONLY)",
		func(p place) error { return openClose(filepath.Join(p.dir, "students"), unix.O_WRONLY) }, "EACCES"},
	"FOWNER": {unix.CAP_FOWNER, "chmod(the file of student's, 0600)",
		func(p place) error { return unix.Chmod(filepath.Join(p.dir, "students"), 0o600) }, "EPERM"},
	"MKNOD": {unix.CAP_MKNOD, "mknod(S_IFCHR, 1:3)", mknodNull, "EPERM"},

	"KILL": {unix.CAP_KILL, "kill(a process of student's, 0)",
		func(p place) error { return unix.Kill(p.victim, 0) }, "EPERM"},
	"SETUID": {unix.CAP_SETUID, "setuid(student)",
		func(p place) error { return setuid(p.uid) }, "EPERM"},
	"SYS_CHROOT": {unix.CAP_SYS_CHROOT, `chroot("/")`,
		func(place) error { return unix.Chroot("/") }, "EPERM"},

	"NET_BIND_SERVICE": {unix.CAP_NET_BIND_SERVICE, "bind(port 999)", bindLow, "EACCES"},
	"NET_RAW":          {unix.CAP_NET_RAW, "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", rawICMP, "EPERM"},
	"SYS_TIME":         {unix.CAP_SYS_TIME, "adjtimex(the tick that it has already)", sameTick, "EPERM"},
}

func openClose(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func mknodNull(p place) error {
	path := filepath.Join(p.dir, "null")
	os.Remove(path) // of the call before
	return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
}

func bindLow(place) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: 999, Addr: [4]byte{127, 0, 0, 1}})
}

func rawICMP(place) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// sameTick changes nothing: it asks for the length of a tick, which everybody may, and sets
// that.
func sameTick(place) error {
	var now unix.Timex
	if _, err := unix.Adjtimex(&now); err != nil {
		return err
	}
	_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_TICK, Tick: now.Tick})
	return err
}

// newPlace runs in the proof, as root with everything.
func newPlace() (p place, remove func(), err error) {
	who, err := student()
	if err != nil {
		return place{}, nil, err
	}
	dir, err := os.MkdirTemp("/var", "place-")
	if err != nil {
		return place{}, nil, err
	}
	victim := exec.Command("sleep", "1000")
	victim.SysProcAttr = &syscall.SysProcAttr{Credential: who, Pdeathsig: unix.SIGKILL}
	remove = func() {
		os.RemoveAll(dir)
		if victim.Process != nil {
			victim.Process.Kill()
			victim.Wait()
		}
	}
	for name, owner := range map[string]int{"roots": 0, "students": int(who.Uid)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return place{}, remove, err
		}
		if err := os.Chown(path, owner, owner); err != nil {
			return place{}, remove, err
		}
	}
	if err := victim.Start(); err != nil {
		return place{}, remove, err
	}
	return place{dir, victim.Process.Pid, int(who.Uid)}, remove, nil
}

// showCalls makes each call twice: by a thread with this one capability, and by a thread
// with all but this one. Both are user 0.
func showCalls(names ...string) proof.Proof {
	return proof.Proof{
		Guest: func(r *proof.Report) error {
			p, remove, err := newPlace()
			if remove != nil {
				defer remove()
			}
			if err != nil {
				return err
			}
			for _, name := range names {
				call := calls[name]
				for _, half := range []struct {
					key, shown string
					drop       func() error
				}{
					{"only ", "uid %s, only CAP_%s: %s", func() error { return keep(bit(call.capability)) }},
					{"without ", "uid %s, all but CAP_%s: %s", func() error { return lose(call.capability) }},
				} {
					err := onThread(func() error {
						if err := half.drop(); err != nil {
							return err
						}
						uid := strconv.Itoa(os.Geteuid())
						r.Saw(half.key+name, fmt.Sprintf(half.shown, uid, name, call.shown), answer(call.do(p)))
						return nil
					})
					if err != nil {
						return err
					}
				}
			}
			return nil
		},
		Judge: func(s *proof.Seen) {
			for _, name := range names {
				s.Equal("only "+name, "ok")
				s.Equal("without "+name, calls[name].without)
			}
		},
	}
}

var (
	fileCalls    = named("file-calls", showCalls("CHOWN", "DAC_OVERRIDE", "FOWNER", "MKNOD"))
	processCalls = named("process-calls", showCalls("KILL", "SETUID", "SYS_CHROOT"))
	machineCalls = named("machine-calls", showCalls("NET_BIND_SERVICE", "NET_RAW", "SYS_TIME"))
)

func named(id string, p proof.Proof) proof.Proof {
	p.ID = id
	return p
}

// notTheUser: what is asked for is a bit, and not the user 0.
var notTheUser = proof.Proof{
	ID: "not-the-user",
	Guest: func(r *proof.Report) error {
		who, err := student()
		if err != nil {
			return err
		}
		sawAll(r)
		// Root without the bit.
		err = onThread(func() error {
			r.Saw("root-before", "root, CapEff", mine("CapEff"))
			r.Saw("root-may", "root: bind(port 999)", answer(bindLow(place{})))
			if err := lose(unix.CAP_NET_BIND_SERVICE); err != nil {
				return err
			}
			r.Saw("root-uid", "the same thread after capset(2): geteuid(2)", strconv.Itoa(os.Geteuid()))
			r.Saw("root-after", "its CapEff", mine("CapEff"))
			r.Saw("root-may-not", "it: bind(port 999)", answer(bindLow(place{})))
			return nil
		})
		if err != nil {
			return err
		}
		// Student with it.
		return onThread(func() error {
			// Else the change of the user id empties all sets (capabilities(7)).
			if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
				return err
			}
			if err := setuid(int(who.Uid)); err != nil {
				return err
			}
			if err := keep(bit(unix.CAP_NET_BIND_SERVICE)); err != nil {
				return err
			}
			r.Saw("student-uid", "student: the line Uid of its status", mine("Uid"))
			r.Saw("student-caps", "its CapEff", mine("CapEff"))
			r.Saw("student-may", "student: bind(port 999)", answer(bindLow(place{})))
			if err := keep(0); err != nil {
				return err
			}
			r.Saw("student-may-not", "without it: bind(port 999)", answer(bindLow(place{})))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Same("root-before", "all")
		s.Equal("root-may", "ok")
		s.Equal("root-uid", "0")
		s.Differ("root-after", "root-before")
		s.Equal("root-may-not", "EACCES")
		s.Check(s.Get("student-uid") != "0 0 0 0", "student is root")
		s.Equal("student-caps", hex(bit(unix.CAP_NET_BIND_SERVICE)))
		s.Equal("student-may", "ok")
		s.Equal("student-may-not", "EACCES")
	},
}
