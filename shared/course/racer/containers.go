package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/seccomp"
)

// containers are the ways that this machine has: a bare clone(2) into six namespaces, with
// chroot and execve and nothing else, is the floor; unshare, bubblewrap, crun and runc if
// they are here; and mydocker. All start the same program in the same root, with a network
// namespace that nobody connects. dir is for what they need; done cleans up.
func containers(dir, mydocker string, args []string) (ways []way, done func(), err error) {
	state := filepath.Join(dir, "mydocker")
	call := func(args ...string) *exec.Cmd {
		cmd := exec.Command(mydocker, args...)
		cmd.Env = append(os.Environ(), "MYDOCKER_ROOT="+state)
		return cmd
	}
	args = append([]string{"run"}, args...)
	// The first makes the default root, which is then everybody's.
	if out, err := call(append(args, "true")...).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("mydocker %s true: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	root := filepath.Join(state, "rootfs")
	program, err := json.Marshal(bundle(root))
	if err != nil {
		return nil, nil, err
	}
	filter, err := seccomp.Docker(caps.Docker.Has).Assemble()
	if err != nil {
		return nil, nil, err
	}
	var code bytes.Buffer
	for _, f := range filter {
		binary.Write(&code, binary.NativeEndian, f)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "config.json"), program, 0o644), os.WriteFile(filepath.Join(dir, "filter"), code.Bytes(), 0o644))
	if err != nil {
		return nil, nil, err
	}
	noCgroups, err := closeCgroups()
	if err != nil {
		return nil, nil, err
	}
	oci := func(runtime, without string) func(round int) *exec.Cmd {
		flags := []string{"--root", filepath.Join(dir, runtime)}
		if noCgroups {
			flags = append(flags, without)
		}
		return func(round int) *exec.Cmd {
			return exec.Command(runtime, append(flags, "run", "--bundle", dir, fmt.Sprintf("%s-bench-%d", runtime, round))...)
		}
	}
	ways = []way{
		{"floor: clone, chroot, execve", func(int) *exec.Cmd {
			cmd := exec.Command("/bin/true")
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS |
				unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP}
			return cmd
		}, false},
		{"unshare", func(int) *exec.Cmd {
			return exec.Command("unshare", "-fpmuinC", "-R", root, "/bin/true")
		}, false},
		{"bubblewrap", func(int) *exec.Cmd {
			// The shell opens the filter: a descriptor that is read to its end, each time anew.
			return exec.Command("sh", "-c", `exec bwrap --unshare-all --cap-drop ALL --ro-bind "$0" / --proc /proc --dev /dev --seccomp 9 true 9<"$1"`, root, filepath.Join(dir, "filter"))
		}, true},
		{"crun", oci("crun", "--cgroup-manager=disabled"), true},
		{"runc", oci("runc", "--rootless=true"), true}, // which is what lets it go on without
		{"mydocker " + strings.Join(args, " "), func(int) *exec.Cmd { return call(append(args, "true")...) }, true},
	}
	present := ways[:0]
	for i, way := range ways {
		if tool := []string{"", "unshare", "bwrap", "crun", "runc", ""}[i]; tool != "" {
			if _, err := exec.LookPath(tool); err != nil {
				fmt.Fprintln(os.Stderr, "left out:", err)
				continue
			}
		}
		present = append(present, way)
	}
	return present, func() {
		ids, err := call("ps", "-a", "-q").Output()
		if err == nil && len(ids) > 0 {
			call(append([]string{"rm", "-f"}, strings.Fields(string(ids))...)...).Run()
		}
	}, nil
}

// bundle is the same container in the OCI runtime specification's words.
func bundle(root string) map[string]any {
	type m = map[string]any
	names := []string{}
	for _, name := range caps.Docker.Names() {
		names = append(names, "CAP_"+strings.TrimPrefix(name, "CAP_"))
	}
	mount := func(kind, at string, options ...string) m {
		return m{"type": kind, "source": kind, "destination": at, "options": options}
	}
	return m{
		"ociVersion": "1.0.2",
		"hostname":   "bench",
		"root":       m{"path": root, "readonly": true},
		"process": m{
			"args": []string{"true"}, "cwd": "/", "env": []string{"PATH=/usr/bin:/bin"}, "user": m{"uid": 0, "gid": 0},
			"noNewPrivileges": true,
			"capabilities":    m{"bounding": names, "effective": names, "permitted": names},
		},
		"mounts": []m{
			mount("proc", "/proc"),
			mount("tmpfs", "/dev", "nosuid", "mode=755"),
			mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
			mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev"),
			mount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
			mount("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"),
		},
		"linux": m{
			"namespaces": []m{{"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "ipc"}, {"type": "network"}, {"type": "cgroup"}},
			"maskedPaths": []string{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"},
			"readonlyPaths": []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
			"seccomp":       m{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []m{{"names": strings.Fields(everyday), "action": "SCMP_ACT_ALLOW"}}},
		},
	}
}

// everyday is shared/seccomp's list for docker's capabilities, by names, which is how the specification has it.
const everyday = `
accept accept4 access adjtimex alarm arch_prctl bind brk capget capset chdir chmod chown chroot 
clock_adjtime clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range 
creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 
epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 
fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync 
fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex 
futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu 
getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp 
getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname 
getsockopt gettid gettimeofday getuid getxattr getxattrat inotify_add_watch inotify_init 
inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit 
ioctl ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self 
lchown lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek 
lsetxattr lstat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat 
mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect mq_getsetattr mq_notify mq_open 
mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock 
munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open 
pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv 
preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64 
pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg 
remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq 
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend 
rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity 
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity 
sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop 
semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address 
setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid 
setreuid setrlimit setsid setsockopt setuid setxattr setxattrat shmat shmctl shmdt shmget shutdown 
sigaltstack signalfd signalfd4 socket socketpair splice stat statfs statmount statx symlink 
symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete 
timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times 
tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write 
writev
`
