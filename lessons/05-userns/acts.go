package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// acts are the calls that an actor makes, raw. Each runs in the actor.
var acts map[string]act

func init() { // here, because some acts lead back to this table
	acts = map[string]act{
		"clone": cloneChild,
		"child": askChild,
		"dig":   dig,

		// Who am I?
		"ids":     func([]string) (string, error) { return fmt.Sprintf("%d %d", os.Getuid(), os.Getgid()), nil },
		"pid":     func([]string) (string, error) { return strconv.Itoa(os.Getpid()), nil },
		"capeff":  func([]string) (string, error) { return status("self", "CapEff") },
		"uid_map": func([]string) (string, error) { return read("/proc/self/uid_map") },
		"uname":   func([]string) (string, error) { return nodename(), nil },

		// Files.
		"read":   func(a []string) (string, error) { return read(a[0]) },
		"write":  func(a []string) (string, error) { return "", writeOnce(a[0], a[1]) },
		"create": func(a []string) (string, error) { return "", create(a[0]) },
		"owner":  func(a []string) (string, error) { return ownerOf(a[0]) },
		"chown":  func(a []string) (string, error) { return "", unix.Chown(a[0], number(a[1]), number(a[1])) },
		"ls":     list,

		// What takes a capability.
		"setuid":         func(a []string) (string, error) { return "", syscall.Setuid(number(a[0])) },
		"setfsuid":       func(a []string) (string, error) { return "", unix.Setfsuid(number(a[0])) },
		"setgroups":      func([]string) (string, error) { return "", syscall.Setgroups(nil) },
		"sethostname":    func(a []string) (string, error) { return "", unix.Sethostname([]byte(a[0])) },
		"unshare":        func(a []string) (string, error) { return "", unix.Unshare(int(cloneFlags[a[0]])) },
		"mount":          func(a []string) (string, error) { return "", unix.Mount(a[0], a[1], a[2], 0, "") },
		"private":        func([]string) (string, error) { return "", private() },
		"mknod":          func(a []string) (string, error) { return "", mknodNull(a[0]) },
		"kill-0":         func(a []string) (string, error) { return "", unix.Kill(number(a[0]), 0) },
		"setpriority":    func(a []string) (string, error) { return "", unix.Setpriority(unix.PRIO_PROCESS, 0, number(a[0])) },
		"delete_module":  func(a []string) (string, error) { return "", unix.DeleteModule(a[0], unix.O_NONBLOCK) },
		"reboot":         func([]string) (string, error) { return "", rebootByMistake() },
		"setns":          func(a []string) (string, error) { return "", setns(a[0]) },
		"owner-uts":      func([]string) (string, error) { return ownerOfUTS() },
		"ns-user":        func([]string) (string, error) { return os.Readlink("/proc/self/ns/user") },
		"newuidmap":      func(a []string) (string, error) { return "", helper("newuidmap", a) },
		"newgidmap":      func(a []string) (string, error) { return "", helper("newgidmap", a) },
		"idmap":          func(a []string) (string, error) { return "", idmappedBind(a[0], a[1], a[2]) },
		"rootless":       func([]string) (string, error) { return "", buildContainer() },
		"unshare-a-user": func([]string) (string, error) { return "", unix.Unshare(unix.CLONE_NEWUSER) },
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1 // no id and no PID: the kernel refuses
	}
	return n
}

// writeOnce writes into a file of /proc with one write(2): a map cannot be written in parts.
func writeOnce(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(strings.ReplaceAll(text, ", ", "\n"))
	return err
}

func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func list(args []string) (string, error) {
	entries, err := os.ReadDir(args[0])
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " "), nil
}

// nodename is the host name of the calling thread's UTS namespace, by uname(2).
func nodename() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return answer(err)
	}
	return unix.ByteSliceToString(name.Nodename[:])
}

// private cuts the copy of the mount table off from the original (lesson 03).
func private() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }

// mknodNull makes a node of the most harmless device: /dev/null is 1:3.
func mknodNull(path string) error {
	return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
}

// rebootByMistake calls reboot(2) without the magic numbers: whoever may reboot hears EINVAL.
func rebootByMistake() error {
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, 0, 0, unix.LINUX_REBOOT_CMD_CAD_OFF, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// setns joins the UTS namespace behind a link of /proc.
func setns(link string) error {
	f, err := os.Open(link)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWUTS)
}

// ownerOfUTS asks to which user namespace our UTS namespace belongs (ioctl_ns(2)).
func ownerOfUTS() (string, error) {
	f, err := os.Open("/proc/thread-self/ns/uts")
	if err != nil {
		return "", err
	}
	defer f.Close()
	fd, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		return "", fmt.Errorf("ioctl(NS_GET_USERNS): %w", err)
	}
	defer unix.Close(fd)
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// helper runs newuidmap(1) or newgidmap(1): PID, then three numbers for each line.
func helper(name string, args []string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// dig makes a user namespace below ours, has the child dig on, and says how deep it went
// and what stopped it: "33 ENOSPC".
func dig(args []string) (string, error) {
	depth := number(args[0])
	if _, err := cloneChild([]string{"user", "0 0 1"}); err != nil {
		return fmt.Sprintf("%d %s", depth, answer(err)), nil
	}
	return offspring.ask("dig", strconv.Itoa(depth+1)), nil
}
