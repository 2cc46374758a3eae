package main

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// A seccomp filter, instruction by instruction. The kernel runs it before each system call,
// over this struct (seccomp(2)):
//
//	offset  0  the call's number
//	        4  the architecture
//	        8  the instruction pointer
//	       16  six arguments of 64 bits
//
// The machine has an accumulator of 32 bits. It loads, compares, jumps forward and returns.

const (
	load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jge  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	ret  = unix.BPF_RET | unix.BPF_K
)

// forbid lets every call pass but one.
func forbid(call, action uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: load, K: 4},                                           // which architecture?
		{Code: jeq, K: arch, Jt: 1, Jf: 0},                           // ours: over the next
		{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS},                // else the number means another call
		{Code: load, K: 0},                                           // which call?
		{Code: jge, K: 0x40000000, Jt: 3, Jf: 0},                     // x32: the same calls by other numbers
		{Code: jeq, K: call, Jt: 1, Jf: 0},                           // this one: over the next
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},                       // all others
		{Code: ret, K: action},                                       // this one
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)}, // x32
	}
}

// forbidArgument lets every call pass but one whose argument 0 has this value.
func forbidArgument(call, value, action uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: load, K: 4},
		{Code: jeq, K: arch, Jt: 1, Jf: 0},
		{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: 0},
		{Code: jeq, K: call, Jt: 0, Jf: 3},  // another call: to ALLOW
		{Code: load, K: 16},                 // the lower half of argument 0
		{Code: jeq, K: value, Jt: 0, Jf: 1}, // another value: to ALLOW
		{Code: ret, K: action},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
}

// install puts a filter on the calling thread, for good.
func install(filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp(SECCOMP_SET_MODE_FILTER): %w", errno)
	}
	return nil
}

// rename asks for the host name that the machine has already.
func rename() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	return unix.Sethostname([]byte(name))
}

// refuses: the filter answers in the kernel's stead, whatever the capabilities.
var refuses = proof.Proof{
	ID: "refuses",
	Guest: func(r *proof.Report) error {
		return onThread(func() error {
			r.Saw("before", "root: sethostname(2)", answer(rename()))
			filter := forbid(unix.SYS_SETHOSTNAME, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
			r.Saw("install", fmt.Sprintf("seccomp(2) with %d instructions", len(filter)), answer(install(filter)))
			r.Saw("capeff", "CapEff", mine("CapEff"))
			r.Saw("after", "sethostname(2)", answer(rename()))
			r.Saw("other", "mknod(2)", answer(mknodNull(place{dir: "/var"})))
			os.Remove("/var/null")

			// The word is the filter's to choose.
			filter = forbid(unix.SYS_SETDOMAINNAME, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOTNAM))
			if err := install(filter); err != nil {
				return err
			}
			r.Saw("word", "setdomainname(2), with a filter that says ENOTNAM", answer(unix.Setdomainname([]byte("(none)"))))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("before", "ok")
		s.Equal("install", "ok")
		s.Check(s.Get("capeff") != nothing, "the thread has no capabilities: any filter would do")
		s.Equal("after", "EPERM")
		s.Equal("other", "ok")
		s.Equal("word", "ENOTNAM")
	},
}

func init() { reexec.Register("rename", renameUnderFilter) }

// renameUnderFilter runs in the child: it says how far it came.
func renameUnderFilter() {
	err := onThread(func() error {
		if err := install(forbid(unix.SYS_SETHOSTNAME, unix.SECCOMP_RET_KILL_PROCESS)); err != nil {
			return err
		}
		fmt.Print("filtered")
		err := rename()
		fmt.Print(", alive after sethostname(2)")
		return err
	})
	fmt.Print(err)
}

// kills: the filter ends the process.
var kills = proof.Proof{
	ID: "kills",
	Guest: func(r *proof.Report) error {
		cmd := reexec.Command("rename")
		out, err := cmd.Output()
		if cmd.ProcessState == nil {
			return err
		}
		r.Saw("words", "what the program could say", string(out))
		r.Saw("end", "wait(2)", exitOf(cmd))
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("words", "filtered")
		s.Equal("end", "SIGSYS")
	},
}

// stays: who may install one, and that it is never taken off.
var stays = proof.Proof{
	ID: "stays",
	Guest: func(r *proof.Report) error {
		who, err := student()
		if err != nil {
			return err
		}
		filter := forbid(unix.SYS_SETHOSTNAME, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
		pass := forbid(0x3fffffff, unix.SECCOMP_RET_ALLOW)
		err = onThread(func() error {
			if err := setuid(int(who.Uid)); err != nil {
				return err
			}
			r.Saw("student", "student: seccomp(2)", answer(install(filter)))
			if err := setNoNewPrivs(); err != nil {
				return err
			}
			r.Saw("promised", "student, after no_new_privs: seccomp(2)", answer(install(filter)))
			return nil
		})
		if err != nil {
			return err
		}
		return onThread(func() error {
			r.Saw("root", "root: seccomp(2)", answer(install(filter)))
			r.Saw("more", "root: a second filter, that allows everything", answer(install(pass)))
			r.Saw("count", "Seccomp_filters", mine("Seccomp_filters"))
			r.Saw("still", "sethostname(2)", answer(rename()))
			t, err := execve("", nil)
			if err != nil {
				return err
			}
			sawTold(r, "exec", "root", t, "CapEff", "Seccomp", "Seccomp_filters")
			_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)
			r.Saw("none", "seccomp(SECCOMP_SET_MODE_FILTER, NULL)", answer(errno))
			r.Saw("off", "prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED)", answer(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_DISABLED, 0, 0, 0)))
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("student", "EACCES")
		s.Equal("promised", "ok")
		s.Equal("root", "ok")
		s.Equal("more", "ok")
		s.Equal("count", "2")
		s.Equal("still", "EPERM")
		s.Equal("exec-Seccomp", strconv.Itoa(unix.SECCOMP_MODE_FILTER))
		s.Equal("exec-Seccomp_filters", "2")
		s.Equal("none", "EFAULT")
		s.Equal("off", "EINVAL")
	},
}

// arguments: a filter sees numbers, and can tell one family of sockets from another.
var arguments = proof.Proof{
	ID: "arguments",
	Guest: func(r *proof.Report) error {
		return onThread(func() error {
			filter := forbidArgument(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
			if err := install(filter); err != nil {
				return err
			}
			for _, c := range []struct {
				key    string
				family int
			}{{"AF_UNIX", unix.AF_UNIX}, {"AF_INET", unix.AF_INET}, {"AF_NETLINK", unix.AF_NETLINK}} {
				fd, err := unix.Socket(c.family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
				if err == nil {
					unix.Close(fd)
				}
				r.Saw(c.key, "socket("+c.key+")", answer(err))
			}
			return nil
		})
	},
	Judge: func(s *proof.Seen) {
		s.Equal("AF_UNIX", "ok")
		s.Equal("AF_INET", "ok")
		s.Equal("AF_NETLINK", "EPERM")
	},
}
