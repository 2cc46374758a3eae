package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Docker is a filter after docker's default: a list of what programs need, and EPERM for all
// else. What is not on it is new, old, or for administrators: io_uring, userfaultfd, keyctl
// and the other calls of the kernel's keyrings (which no namespace divides), kexec, swapon.
//
// kept says which capabilities the program keeps (caps.Set.Has): calls that are behind one
// are let through with it. A nil kept is none.
func Docker(kept func(capability int) bool) Filter {
	if kept == nil {
		kept = func(int) bool { return false }
	}
	calls := slices.Concat(everyday, archCalls)
	for _, behind := range behindCapability {
		if kept(behind.capability) {
			calls = append(calls, behind.calls...)
		}
	}
	slices.Sort(calls)
	f := Filter{Otherwise: Errno(unix.EPERM), Rules: make([]Rule, 0, len(calls)+16)}
	for _, call := range slices.Compact(calls) {
		f.Rules = append(f.Rules, Rule{Call: call, Do: Allow})
	}
	if !kept(unix.CAP_SYS_ADMIN) {
		f.Rules = append(f.Rules,
			// Threads and processes, but no namespaces.
			Rule{unix.SYS_CLONE, []Arg{{cloneFlagsArg, newNamespaces, 0}}, Allow},
			// Its flags are behind a pointer, where no filter can look. A C library that hears
			// "there is no such call" takes clone(2).
			Rule{unix.SYS_CLONE3, nil, Errno(unix.ENOSYS)},
		)
	}
	for _, persona := range personalities {
		f.Rules = append(f.Rules, Rule{unix.SYS_PERSONALITY, []Arg{Exactly(0, persona)}, Allow})
	}
	// Any family but that of talking to the hypervisor, which no network namespace divides.
	f.Rules = append(f.Rules,
		Rule{unix.SYS_SOCKET, []Arg{{0, 0xffffffff, unix.AF_VSOCK}}, Errno(unix.EPERM)},
		Rule{unix.SYS_SOCKET, nil, Allow},
	)
	return f
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// personalities: Linux, 32 bits, uname of 2.6, both, and "which have I?" (personality(2)).
// Not ADDR_NO_RANDOMIZE.
var personalities = []uint64{0x0, 0x8, 0x20000, 0x20008, 0xffffffff}

// behindCapability are the calls that come with a capability.
var behindCapability = []struct {
	capability int
	calls      []int
}{
	{unix.CAP_SYS_ADMIN, []int{
		unix.SYS_BPF, unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_FANOTIFY_INIT, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
		unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT,
		unix.SYS_OPEN_TREE, unix.SYS_PERF_EVENT_OPEN, unix.SYS_PIVOT_ROOT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME, unix.SYS_SETNS, unix.SYS_SYSLOG, unix.SYS_UMOUNT2, unix.SYS_UNSHARE,
	}},
	{unix.CAP_DAC_READ_SEARCH, []int{unix.SYS_OPEN_BY_HANDLE_AT}},
	{unix.CAP_SYS_BOOT, []int{unix.SYS_REBOOT}},
	{unix.CAP_SYS_CHROOT, []int{unix.SYS_CHROOT}},
	{unix.CAP_SYS_MODULE, []int{unix.SYS_DELETE_MODULE, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE}},
	{unix.CAP_SYS_PACCT, []int{unix.SYS_ACCT}},
	{unix.CAP_SYS_PTRACE, []int{unix.SYS_KCMP, unix.SYS_PIDFD_GETFD, unix.SYS_PROCESS_MADVISE}},
	{unix.CAP_SYS_RAWIO, rawIO},
	{unix.CAP_SYS_TIME, []int{unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME}},
	{unix.CAP_SYS_TTY_CONFIG, []int{unix.SYS_VHANGUP}},
	{unix.CAP_SYS_NICE, []int{unix.SYS_GET_MEMPOLICY, unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_SET_MEMPOLICY_HOME_NODE}},
	{unix.CAP_SYSLOG, []int{unix.SYS_SYSLOG}},
	{unix.CAP_BPF, []int{unix.SYS_BPF}},
	{unix.CAP_PERFMON, []int{unix.SYS_PERF_EVENT_OPEN}},
}

// everyday are the calls that ordinary programs make, on every architecture.
var everyday = []int{
	// files and folders
	unix.SYS_CHDIR, unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_COPY_FILE_RANGE, unix.SYS_DUP, unix.SYS_DUP3,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_FADVISE64, unix.SYS_FALLOCATE, unix.SYS_FANOTIFY_MARK,
	unix.SYS_FCHDIR, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
	unix.SYS_FCNTL, unix.SYS_FDATASYNC, unix.SYS_FLOCK, unix.SYS_FSTAT, unix.SYS_FSTATFS, unix.SYS_FSYNC,
	unix.SYS_FTRUNCATE, unix.SYS_GETCWD, unix.SYS_GETDENTS64, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_INIT1,
	unix.SYS_INOTIFY_RM_WATCH, unix.SYS_IOCTL, unix.SYS_LINKAT, unix.SYS_LISTMOUNT, unix.SYS_LSEEK, unix.SYS_MKDIRAT,
	unix.SYS_MKNODAT, unix.SYS_NAME_TO_HANDLE_AT, fstatat, unix.SYS_OPENAT, unix.SYS_OPENAT2,
	unix.SYS_READAHEAD, unix.SYS_READLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_STATFS,
	unix.SYS_STATMOUNT, unix.SYS_STATX, unix.SYS_SYMLINKAT, unix.SYS_SYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_SYNCFS,
	unix.SYS_TRUNCATE, unix.SYS_UMASK, unix.SYS_UNLINKAT, unix.SYS_UTIMENSAT,
	// extended attributes
	unix.SYS_FGETXATTR, unix.SYS_FLISTXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_FSETXATTR, unix.SYS_GETXATTR,
	unix.SYS_GETXATTRAT, unix.SYS_LGETXATTR, unix.SYS_LISTXATTR, unix.SYS_LISTXATTRAT, unix.SYS_LLISTXATTR,
	unix.SYS_LREMOVEXATTR, unix.SYS_LSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_REMOVEXATTRAT, unix.SYS_SETXATTR,
	unix.SYS_SETXATTRAT,
	// reading, writing, waiting for it
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2,
	unix.SYS_IO_CANCEL, unix.SYS_IO_DESTROY, unix.SYS_IO_GETEVENTS, unix.SYS_IO_PGETEVENTS, unix.SYS_IO_SETUP,
	unix.SYS_IO_SUBMIT, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_PREAD64, unix.SYS_PREADV, unix.SYS_PREADV2,
	unix.SYS_PSELECT6, unix.SYS_PWRITE64, unix.SYS_PWRITEV, unix.SYS_PWRITEV2, unix.SYS_READ, unix.SYS_READV,
	unix.SYS_SENDFILE, unix.SYS_SIGNALFD4, unix.SYS_SPLICE, unix.SYS_TEE, unix.SYS_VMSPLICE, unix.SYS_WRITE, unix.SYS_WRITEV,
	// sockets; socket(2) itself has rules of its own
	unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKNAME,
	unix.SYS_GETSOCKOPT, unix.SYS_LISTEN, unix.SYS_RECVFROM, unix.SYS_RECVMMSG, unix.SYS_RECVMSG, unix.SYS_SENDMMSG,
	unix.SYS_SENDMSG, unix.SYS_SENDTO, unix.SYS_SETSOCKOPT, unix.SYS_SHUTDOWN, unix.SYS_SOCKETPAIR,
	// memory
	unix.SYS_BRK, unix.SYS_MADVISE, unix.SYS_MAP_SHADOW_STACK, unix.SYS_MEMBARRIER, unix.SYS_MEMFD_CREATE,
	unix.SYS_MEMFD_SECRET, unix.SYS_MINCORE, unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MLOCKALL, unix.SYS_MMAP,
	unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MSEAL, unix.SYS_MSYNC, unix.SYS_MUNLOCK, unix.SYS_MUNLOCKALL,
	unix.SYS_MUNMAP, unix.SYS_PKEY_ALLOC, unix.SYS_PKEY_FREE, unix.SYS_PKEY_MPROTECT, unix.SYS_PROCESS_MRELEASE,
	unix.SYS_REMAP_FILE_PAGES,
	// processes and threads; clone(2) has rules of its own
	unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_EXIT,
	unix.SYS_EXIT_GROUP, unix.SYS_GETPGID, unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETPRIORITY, unix.SYS_GETRLIMIT,
	unix.SYS_GETRUSAGE, unix.SYS_GETSID, unix.SYS_GETTID, unix.SYS_GET_ROBUST_LIST, unix.SYS_IOPRIO_GET,
	unix.SYS_IOPRIO_SET, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PRCTL, unix.SYS_PRLIMIT64,
	unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PTRACE, unix.SYS_RSEQ, unix.SYS_SETPGID,
	unix.SYS_SETPRIORITY, unix.SYS_SETRLIMIT, unix.SYS_SETSID, unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS,
	unix.SYS_TIMES, unix.SYS_UNAME, unix.SYS_WAIT4, unix.SYS_WAITID,
	// users and groups
	unix.SYS_GETEGID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETGROUPS, unix.SYS_GETRESGID, unix.SYS_GETRESUID,
	unix.SYS_GETUID, unix.SYS_SETFSGID, unix.SYS_SETFSUID, unix.SYS_SETGID, unix.SYS_SETGROUPS, unix.SYS_SETREGID,
	unix.SYS_SETRESGID, unix.SYS_SETRESUID, unix.SYS_SETREUID, unix.SYS_SETUID,
	// signals
	unix.SYS_KILL, unix.SYS_RESTART_SYSCALL, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGPROCMASK,
	unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT,
	unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_SIGALTSTACK, unix.SYS_TGKILL, unix.SYS_TKILL,
	// one waits for another
	unix.SYS_FUTEX, unix.SYS_FUTEX_REQUEUE, unix.SYS_FUTEX_WAIT, unix.SYS_FUTEX_WAITV, unix.SYS_FUTEX_WAKE,
	unix.SYS_MQ_GETSETATTR, unix.SYS_MQ_NOTIFY, unix.SYS_MQ_OPEN, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_TIMEDSEND,
	unix.SYS_MQ_UNLINK, unix.SYS_MSGCTL, unix.SYS_MSGGET, unix.SYS_MSGRCV, unix.SYS_MSGSND, unix.SYS_SEMCTL,
	unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_SHMGET,
	// time; adjtimex(2) only reads without CAP_SYS_TIME
	unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP,
	unix.SYS_GETITIMER, unix.SYS_GETTIMEOFDAY, unix.SYS_NANOSLEEP, unix.SYS_SETITIMER, unix.SYS_TIMERFD_CREATE,
	unix.SYS_TIMERFD_GETTIME, unix.SYS_TIMERFD_SETTIME, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_DELETE,
	unix.SYS_TIMER_GETOVERRUN, unix.SYS_TIMER_GETTIME, unix.SYS_TIMER_SETTIME,
	// processors
	unix.SYS_GETCPU, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_GETATTR, unix.SYS_SCHED_GETPARAM,
	unix.SYS_SCHED_GETSCHEDULER, unix.SYS_SCHED_GET_PRIORITY_MAX, unix.SYS_SCHED_GET_PRIORITY_MIN,
	unix.SYS_SCHED_RR_GET_INTERVAL, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR, unix.SYS_SCHED_SETPARAM,
	unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_YIELD,
	// the machine, and more walls of the program's own
	unix.SYS_GETRANDOM, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_RESTRICT_SELF,
	unix.SYS_SECCOMP, unix.SYS_SYSINFO,
}
