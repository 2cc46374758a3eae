package main_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the test's own program does when a check has it started in a container, as
// /bin/probe: it makes calls, and reports what the kernel answered.

const probeArg = "grade-probe"

func init() {
	if len(os.Args) != 3 || os.Args[1] != probeArg {
		return
	}
	json.NewEncoder(os.Stdout).Encode(probes[os.Args[2]]())
	os.Exit(0)
}

var probes = map[string]func() map[string]string{
	"setuid": func() map[string]string { // user 33 executes the bait
		err := errors.Join(syscall.Setgid(33), syscall.Setuid(33))
		if err == nil {
			err = unix.Exec("/bin/setuid", []string{"setuid", probeArg, "who"}, os.Environ())
		}
		return map[string]string{"uid": err.Error()}
	},
	"who": func() map[string]string {
		return map[string]string{"uid": strconv.Itoa(os.Geteuid()), "CapEff": field(os.Getpid(), "CapEff")}
	},
	"calls":     makeCalls,
	"attack":    makeAttacks,
	"process-1": tryDoors,
}

// word is the answer as a word.
func word(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno) && errno == 0:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func raw(call uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := unix.RawSyscall6(call, a[0], a[1], a[2], a[3], a[4], a[5])
	return errno
}

// filterCalls are calls with arguments that do nothing. Without a filter none of the refused
// says EPERM to docker's root: so the word is the filter's.
var filterCalls = []struct {
	name, shown, want string
	call              func() error
}{
	{"keyctl", "keyctl(KEYCTL_GET_KEYRING_ID)", "EPERM", func() error {
		return raw(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, 0xfffffffd, 0) // the session's
	}},
	{"add_key", "add_key(NULL)", "EPERM", func() error { return raw(unix.SYS_ADD_KEY) }},
	{"io_uring", "io_uring_setup(0, NULL)", "EPERM", func() error { return raw(unix.SYS_IO_URING_SETUP) }},
	{"unshare", "unshare(0)", "EPERM", func() error { return raw(unix.SYS_UNSHARE, 0) }},
	{"userfaultfd", "userfaultfd(-1)", "EPERM", func() error { return raw(unix.SYS_USERFAULTFD, ^uintptr(0)) }},
	{"personality", "personality(ADDR_NO_RANDOMIZE)", "EPERM", func() error { return raw(unix.SYS_PERSONALITY, 0x0040000) }},
	{"clone", "clone(CLONE_NEWUSER)", "EPERM", func() error { return cloned(unix.CLONE_NEWUSER) }},
	{"clone3", "clone3(NULL, 0)", "ENOSYS", func() error { return raw(unix.SYS_CLONE3) }},
	{"x32", "getpid(2) by its x32 number", "ENOSYS", func() error { return raw(0x40000000 | unix.SYS_GETPID) }},
	{"fork", "clone(SIGCHLD)", "ok", func() error { return cloned(0) }},
	{"thread", "a new thread", "ok", newThread},
	{"socket", "socket(AF_INET)", "ok", func() error { return opened(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
	{"openat2", "openat2(\"/\")", "ok", func() error {
		return opened(unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH}))
	}},
	{"chroot", "chroot(\"/\")", "ok", func() error { return unix.Chroot("/") }},
	{"setuid", "setuid(0)", "ok", func() error { return syscall.Setuid(0) }},
	{"persona", "personality(0xffffffff)", "ok", func() error { return raw(unix.SYS_PERSONALITY, 0xffffffff) }},
}

func makeCalls() map[string]string {
	got := map[string]string{}
	for _, c := range filterCalls {
		got[c.name] = word(c.call())
	}
	return got
}

func opened(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// cloned makes a child that does nothing but end.
func cloned(flags uintptr) error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 { // in the child: no Go runtime that could be relied on
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func newThread() error {
	done := make(chan struct{})
	go func() { runtime.LockOSThread(); close(done) }() // the thread ends with it
	<-done
	return nil
}

// makeAttacks leaves the machine as it was, where it succeeds.
func makeAttacks() map[string]string {
	runtime.LockOSThread() // a tracer is a thread
	return map[string]string{
		"mount":      word(unix.Mount("none", "/dev/shm", "tmpfs", 0, "")),
		"ptrace":     word(traceOther()),
		"netlink":    word(addLink()),
		"clock":      word(unix.ClockSettime(unix.CLOCK_REALTIME, now())),
		"shocker":    word(openByHandle()),
		"keyring":    word(rootsKeyring()),
		"raw-socket": word(opened(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0))),
	}
}

func now() *unix.Timespec {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &t)
	return &t
}

func traceOther() error {
	victim := exec.Command("/bin/sleep", "1000")
	victim.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 33, Gid: 33}}
	if err := victim.Start(); err != nil {
		return errors.New("no victim: " + err.Error())
	}
	defer victim.Wait()
	defer victim.Process.Kill()
	return raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(victim.Process.Pid), 0, 0)
}

// addLink asks for a bridge, by one netlink message, and takes it away again.
func addLink() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	name := attribute(unix.IFLA_IFNAME, []byte("homework06\x00"))
	kind := attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("bridge")))
	err = ask(fd, unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, append(append(make([]byte, 16), name...), kind...))
	if err == nil {
		ask(fd, unix.RTM_DELLINK, 0, append(make([]byte, 16), name...))
	}
	return err
}

func attribute(kind uint16, value []byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	a = append(binary.NativeEndian.AppendUint16(a, kind), value...)
	return append(a, make([]byte, -len(a)&3)...)
}

func ask(fd int, kind, flags uint16, body []byte) error {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	m = append(append(m, make([]byte, 8)...), body...)
	if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return errors.New("a short answer")
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(reply[unix.NLMSG_HDRLEN:])))
}

// openByHandle takes the handle of a file that it may open, which needs no capability, and
// opens by it, which does. /proc/self is on no disk; the folder of cgroups has handles.
func openByHandle() error {
	where := "/sys/fs/cgroup"
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, where, 0)
	if err != nil { // not here: a handle of nothing is asked about in the same order
		handle = unix.NewFileHandle(1, make([]byte, 8))
		where = "/"
	}
	mount, err := unix.Open(where, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	return opened(unix.OpenByHandleAt(mount, handle, unix.O_RDONLY))
}

func rootsKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0)
	return err
}

// doors lead into process 1.
var doors = []string{"/proc/1/mem", "/proc/1/environ", "/proc/1/exe", "/proc/1/root/bin", "/proc/1/fd/0", "/proc/1/map_files"}

func tryDoors() map[string]string {
	got := map[string]string{}
	for _, door := range doors {
		f, err := os.Open(door)
		if err == nil && door == "/proc/1/map_files" {
			_, err = f.Readdirnames(-1)
		}
		if f != nil {
			f.Close()
		}
		got[door] = word(err)
	}
	return got
}
