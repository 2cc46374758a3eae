package main

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// bounding: what is dropped there comes back in no way.
var bounding = proof.Proof{
	ID: "bounding",
	Guest: func(r *proof.Report) error {
		program, remove, err := copyOfMe()
		if err != nil {
			return err
		}
		defer remove()
		if err := giveFile(program, bit(unix.CAP_SYS_TIME), 0); err != nil {
			return err
		}
		return onThread(func() error {
			r.Saw("drop", "root: prctl(PR_CAPBSET_DROP, CAP_SYS_TIME)", answer(dropBounding(unix.CAP_SYS_TIME)))
			r.Saw("bound", "its CapBnd", mine("CapBnd"))
			r.Saw("eff", "its CapEff", mine("CapEff"))
			r.Saw("still", "adjtimex(2): what it has it keeps, up to execve(2)", answer(sameTick(place{})))

			t, err := execve("", nil, "SYS_TIME")
			if err != nil {
				return err
			}
			sawTold(r, "exec", "root", t, "CapBnd", "CapEff")
			r.Saw("exec-call", "… adjtimex(2)", t.Call)

			// Every way back that there is.
			if err := lose(unix.CAP_SYS_TIME); err != nil {
				return err
			}
			effective, permitted, inheritable, err := capget()
			if err != nil {
				return err
			}
			back := bit(unix.CAP_SYS_TIME)
			r.Saw("capset", "capset(2) with the bit in permitted", answer(capset(effective|back, permitted|back, inheritable)))
			r.Saw("inherit", "capset(2) with the bit in inheritable", answer(capset(effective, permitted, inheritable|back)))
			_, err = execve(program, nil, "SYS_TIME")
			r.Saw("file", "execve(2) of a program with cap_sys_time=ep", answer(err))
			t, err = execve("", &syscall.SysProcAttr{
				Cloneflags:  unix.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
			}, "SYS_TIME")
			if err != nil {
				return err
			}
			sawTold(r, "userns", "in a new user namespace", t, "CapBnd")
			r.Saw("userns-call", "… adjtimex(2), the machine's", t.Call)
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("drop", "ok")
		s.Differ("bound", "eff") // the bit is out of the one and in the other
		s.Equal("still", "ok")
		s.Equal("exec-uid", "0")
		s.Same("exec-CapEff", "bound")
		s.Equal("exec-call", "EPERM")
		s.Equal("capset", "EPERM")
		s.Equal("inherit", "EPERM")
		s.Equal("file", "EPERM")
		s.Same("userns-CapBnd", "eff")
		s.Equal("userns-call", "EPERM")
	},
}

// secureBits: the exception for user 0 can be switched off, and the switch locked.
var secureBits = proof.Proof{
	ID: "securebits",
	Guest: func(r *proof.Report) error {
		return onThread(func() error {
			err := unix.Prctl(unix.PR_SET_SECUREBITS, secbitNoRoot|secbitNoRootLocked, 0, 0, 0)
			r.Saw("set", "root: prctl(PR_SET_SECUREBITS, SECBIT_NOROOT|SECBIT_NOROOT_LOCKED)", answer(err))
			r.Saw("eff", "its CapEff", mine("CapEff"))
			t, err := execve("", nil, "CHOWN")
			if err != nil {
				return err
			}
			sawTold(r, "exec", "root", t, "CapBnd", "CapEff")
			r.Saw("unset", "prctl(PR_SET_SECUREBITS, 0)", answer(unix.Prctl(unix.PR_SET_SECUREBITS, 0, 0, 0, 0)))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("set", "ok")
		s.Differ("eff", "exec-CapEff")
		s.Equal("exec-uid", "0")
		s.Same("exec-CapBnd", "eff")
		s.Equal("exec-CapEff", nothing)
		s.Equal("unset", "EPERM")
	},
}

// <linux/securebits.h>
const (
	secbitNoRoot       = 1 << 0
	secbitNoRootLocked = 1 << 1
)

// threads: the sets are a thread's, and a Go program has many.
var threads = proof.Proof{
	ID: "threads",
	Guest: func(r *proof.Report) error {
		dropped, looked := make(chan struct{}), make(chan struct{})
		gone := make(chan error)
		go func() {
			gone <- onThread(func() error {
				err := keep(0)
				r.Saw("one", "one thread, after capset(2): CapEff of "+self(), mine("CapEff"))
				r.Saw("one-bind", "it: bind(port 999)", answer(bindLow(place{})))
				close(dropped)
				<-looked
				return err
			})
		}()
		<-dropped
		err := onThread(func() error {
			r.Saw("other", "another thread of the process: CapEff of "+self(), mine("CapEff"))
			r.Saw("other-bind", "it: bind(port 999)", answer(bindLow(place{})))
			return nil
		})
		close(looked)
		if err := <-gone; err != nil {
			return err
		}
		return err
	},
	Judge: func(s *proof.Seen) {
		s.Equal("one", nothing)
		s.Equal("one-bind", "EACCES")
		s.Differ("one", "other")
		s.Equal("other-bind", "ok")
	},
}

// self is the calling thread's path in /proc.
func self() string {
	return "/proc/" + strconv.Itoa(unix.Getpid()) + "/task/" + strconv.Itoa(unix.Gettid())
}
