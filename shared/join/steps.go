package join

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Step is a kind of call in the list, for who wants to know what failed.
type Step uint8

// The steps, in the order in which they are made.
const (
	Setup Step = iota // a Program's own: what was done is in the words of who wrote it
	Clone
	Descriptors
	SetRlimit
	OOMScore
	Umask
	Undumpable
	CloseRange
	Setns
	Fork
	Setsid
	Controlling
	SessionKeyring
	BoundingSet
	AmbientSet
	KeepCaps
	Setgroups
	Setresgid
	Setresuid
	NoNewPrivs
	Capset
	Chdir
	Getcwd
	Signals
	SeccompFilter
	Execve
)

var stepNames = [...]string{
	Setup:          "setup",
	Clone:          "clone3",
	Descriptors:    "dup3",
	SetRlimit:      "prlimit64",
	OOMScore:       "write(/proc/self/oom_score_adj)",
	Umask:          "umask",
	Undumpable:     "prctl(PR_SET_DUMPABLE)",
	CloseRange:     "close_range",
	Setns:          "setns",
	Fork:           "clone3(CLONE_PARENT)",
	Setsid:         "setsid",
	Controlling:    "ioctl(TIOCSCTTY)",
	SessionKeyring: "keyctl(KEYCTL_JOIN_SESSION_KEYRING)",
	BoundingSet:    "prctl(PR_CAPBSET_DROP)",
	AmbientSet:     "prctl(PR_CAP_AMBIENT_CLEAR_ALL)",
	KeepCaps:       "prctl(PR_SET_KEEPCAPS)",
	Setgroups:      "setgroups",
	Setresgid:      "setresgid",
	Setresuid:      "setresuid",
	NoNewPrivs:     "prctl(PR_SET_NO_NEW_PRIVS)",
	Capset:         "capset",
	Chdir:          "chdir",
	Getcwd:         "getcwd",
	Signals:        "rt_sigprocmask",
	SeccompFilter:  "seccomp(SECCOMP_SET_MODE_FILTER)",
	Execve:         "execve",
}

func (s Step) String() string { return stepNames[s] }

// The children's descriptors while they run the list. All others are closed.
const (
	reportFD = 3
	targetFD = 4
)

// list writes down the system calls. report is the end that the children report through.
func (c *Cmd) list(report *os.File) (l *list, err error) {
	if l, err = newList(c.room()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
			l = nil
		}
	}()

	// Descriptors. Our copies are above all these numbers, so that none is in another's way.
	// The report's is the first, so that whatever fails is told.
	if err = l.descriptor(report, reportFD, unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	for i, f := range []*os.File{c.Stdin, c.Stdout, c.Stderr} {
		if err = l.descriptor(f, i, 0); err != nil {
			return nil, err
		}
	}

	// What wants rights in our own namespaces, or our /proc.
	if c.OOMScoreAdj != nil {
		text := strconv.Itoa(*c.OOMScoreAdj)
		l.call(OOMScore, text, unix.SYS_OPENAT, atFDCWD, l.path("/proc/self/oom_score_adj"), unix.O_WRONLY)
		l.callOnLast(OOMScore, text, unix.SYS_WRITE, l.bytes([]byte(text)), uintptr(len(text)))
	}
	c.limits(l)

	// Before setns(2): from the moment that somebody in the container can see the process, its
	// memory, its descriptors and its program are not theirs to open (ptrace(2), and
	// proc_pid_fd(5), proc_pid_mem(5), which ask the same). The execve(2) ends it.
	l.call(Undumpable, "0", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)

	next := targetFD
	if c.Namespaces != 0 {
		if err = l.copyOf(c.Target, targetFD, unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		next++
	}
	l.call(CloseRange, "", unix.SYS_CLOSE_RANGE, uintptr(next), math.MaxUint32, 0)

	if c.Namespaces != 0 {
		l.call(Setns, kinds(c.Namespaces), unix.SYS_SETNS, targetFD, c.Namespaces)
		l.call(CloseRange, "", unix.SYS_CLOSE, targetFD)
	}
	if c.Namespaces&unix.CLONE_NEWPID != 0 {
		l.fork()
	}
	c.inside(l)
	return l, l.err
}

// dropBounding takes all capabilities from the bounding set that are not to be kept (which
// wants CAP_SETPCAP). EINVAL: this kernel has no such capability, and none above it.
func (l *list) dropBounding(keep uint64) {
	last := &Label{}
	for n := range 64 {
		if keep&(1<<n) == 0 {
			l.call(BoundingSet, strconv.Itoa(n), unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0)
			l.ignore(unix.EINVAL)
			if l.base != 0 {
				l.calls[len(l.calls)-1].on[0] = exception{errno: unix.EINVAL, to: last}
			}
		}
	}
	last.line = len(l.calls)
}

// limits come before all else: they may want rights in our own namespaces.
func (c *Cmd) limits(l *list) {
	for _, r := range c.Rlimits {
		l.call(SetRlimit, strconv.Itoa(r.Resource), unix.SYS_PRLIMIT64, 0, uintptr(r.Resource), l.words(r.Soft, r.Hard), 0)
	}
	l.call(Umask, "", unix.SYS_UMASK, 0o022)
}

// inside is the part in the container, down to execve(2).
func (c *Cmd) inside(l *list) {
	if c.Session {
		l.call(Setsid, "", unix.SYS_SETSID)
	}
	if c.Terminal {
		l.call(Controlling, "", unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	if c.Keyring {
		l.call(SessionKeyring, "", unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
		l.ignore(unix.ENOSYS) // a kernel without keys
	}
	if c.Caps != nil {
		// Before setresuid(2) and capset(2): it wants CAP_SETPCAP.
		l.dropBounding(c.Caps.Bounding)
		l.call(AmbientSet, "", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		if c.UID != 0 && c.Caps.Permitted != 0 {
			l.call(KeepCaps, "1", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1)
		}
	}
	if !c.NoNewPrivs { // it wants CAP_SYS_ADMIN, as long as that is there
		l.filter(c.Seccomp)
	}
	if !c.KeepGroups {
		groups := make([]uint32, len(c.Groups))
		for i, g := range c.Groups {
			groups[i] = uint32(g)
		}
		l.call(Setgroups, fmt.Sprint(c.Groups), unix.SYS_SETGROUPS, uintptr(len(groups)), l.uint32s(groups))
		if c.TryGroups {
			l.ignore(unix.EPERM)
		}
	}
	l.call(Setresgid, strconv.Itoa(c.GID), unix.SYS_SETRESGID, uintptr(c.GID), uintptr(c.GID), uintptr(c.GID))
	l.call(Setresuid, strconv.Itoa(c.UID), unix.SYS_SETRESUID, uintptr(c.UID), uintptr(c.UID), uintptr(c.UID))
	if c.NoNewPrivs {
		l.call(NoNewPrivs, "1", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if c.Caps != nil {
		lo := func(set uint64) uint32 { return uint32(set) }
		hi := func(set uint64) uint32 { return uint32(set >> 32) }
		header := l.uint32s([]uint32{unix.LINUX_CAPABILITY_VERSION_3, 0})
		data := l.uint32s([]uint32{
			lo(c.Caps.Effective), lo(c.Caps.Permitted), lo(c.Caps.Inheritable),
			hi(c.Caps.Effective), hi(c.Caps.Permitted), hi(c.Caps.Inheritable),
		})
		l.call(Capset, "", unix.SYS_CAPSET, header, data)
	}

	// After close_range, so that no path leads through a descriptor of the host, and with
	// the rights of the command. Then asked: a folder that is out of reach of / has a name
	// that begins with "(unreachable)" (getcwd(2)); CVE-2024-21626.
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	l.call(Chdir, strconv.Quote(dir), unix.SYS_CHDIR, l.path(dir))
	l.cwdInside(strconv.Quote(dir))

	if l.base == 0 { // a Program has done it at its beginning
		asItWas := l.bytes(byDefault())
		for sig := firstOwn; sig <= lastSignal; sig++ {
			l.call(Signals, "SIG_DFL", unix.SYS_RT_SIGACTION, uintptr(sig), asItWas, 0, 8)
		}
	}
	// What is blocked stays blocked over execve(2), and our thread may have its own reasons.
	l.call(Signals, "", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, l.words(0), 0, 8)

	if c.NoNewPrivs {
		l.filter(c.Seccomp)
	}
	argv, envv := l.pathList(c.Args), l.pathList(c.Env)
	l.search(strconv.Quote(c.Args[0]), c.paths(), argv, envv)
}

// paths are where the command may be: where execvp(3) would look for it.
func (c *Cmd) paths() []string {
	if strings.Contains(c.Args[0], "/") {
		return c.Args[:1]
	}
	var paths []string
	for _, entry := range c.Env {
		if list, ok := strings.CutPrefix(entry, "PATH="); ok {
			for dir := range strings.SplitSeq(list, ":") {
				if dir != "" { // the current folder, by an old rule that nobody wants
					paths = append(paths, dir+"/"+c.Args[0])
				}
			}
		}
	}
	if len(paths) == 0 {
		return []string{"/nonexistent/" + c.Args[0]} // ENOENT, from the same call as ever
	}
	return paths
}

// room is how much memory the list may need for what its calls point to.
func (c *Cmd) room() int {
	size := 64<<10 + len(c.Dir) + 8*len(c.Seccomp) + 4*len(c.Groups) + 16*len(c.Rlimits)
	for _, text := range append(append(c.paths(), c.Args...), c.Env...) {
		size += len(text) + 64 // its pointer, its end, and what alignment costs
	}
	return size
}

// kinds names a set of namespaces.
func kinds(flags uintptr) string {
	var names []string
	for _, k := range links {
		if flags&k.flag != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

// links are the kinds of namespaces and their names in /proc/PID/ns.
var links = []struct {
	flag uintptr
	name string
}{
	{unix.CLONE_NEWUSER, "user"},
	{unix.CLONE_NEWNS, "mnt"},
	{unix.CLONE_NEWUTS, "uts"},
	{unix.CLONE_NEWIPC, "ipc"},
	{unix.CLONE_NEWPID, "pid"},
	{unix.CLONE_NEWCGROUP, "cgroup"},
	{unix.CLONE_NEWNET, "net"},
	{unix.CLONE_NEWTIME, "time"},
}

// Differing are the namespaces of a process that are not ours: what there is to join.
// pidfd is a descriptor of it.
func Differing(pidfd int) (flags uintptr, err error) {
	pid, err := pidOf(pidfd)
	if err != nil {
		return 0, err
	}
	for _, k := range links {
		ours, err := os.Stat("/proc/self/ns/" + k.name)
		if os.IsNotExist(err) {
			continue // a kind that this kernel does not have
		}
		if err != nil {
			return 0, err
		}
		theirs, err := os.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, k.name))
		if err != nil {
			return 0, err
		}
		if !os.SameFile(ours, theirs) {
			flags |= k.flag
		}
	}
	// Still there: so all these were its, and not another's with its number.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err == unix.ESRCH {
		return 0, fmt.Errorf("pidfd_send_signal(%d, 0): %w", pid, err)
	}
	return flags, nil
}

// pidOf is the number of the process that a pidfd stands for (proc_pid_fdinfo(5)).
func pidOf(pidfd int) (int, error) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(info)) {
		if text, ok := strings.CutPrefix(line, "Pid:"); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || pid <= 0 { // -1: it has ended; 0: it is in no namespace below ours
				return 0, fmt.Errorf("pidfd %d: %w", pidfd, syscall.ESRCH)
			}
			return pid, nil
		}
	}
	return 0, fmt.Errorf("descriptor %d is no pidfd", pidfd)
}
