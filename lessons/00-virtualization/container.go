package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// contained prepares cmd, in the parent, before clone(2): the process is to see its own
// process numbers, mounts, host name, message queues and network. The user namespace, in
// which it is root, is what lets an ordinary user ask for the others (user_namespaces(7)).
func contained(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS |
			unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}

// refused says whether err is this machine's refusal to give namespaces to its users, and
// no fault of ours.
func refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL)
}

// refusal is what the kernel said, without what it said it of.
func refusal(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno) + ": " + errno.Error()
	}
	return err.Error()
}

// skipRefused says of a claim about containers that this machine gives none.
func skipRefused(s *proof.Seen) {
	s.Skip("this machine does not let an ordinary user make namespaces: clone(2) answered "+s.Get("refused")+
		" (see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)",
		"на этой машине обычному пользователю не дают создавать пространства имён: clone(2) ответил "+s.Get("refused")+
			" (смотрите kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)")
}

func init() { reexec.Register("tenant", tenant) }

// tenant runs in the container: after clone(2) and execve(2). It says what it sees, and
// waits.
func tenant() {
	if err := unix.Sethostname([]byte("tenant")); err != nil {
		fmt.Println("sethostname:", err)
		return
	}
	name, _ := os.Hostname()
	id, err := os.ReadFile(bootID)
	fmt.Printf("I am %d on %s, boot_id %s %v\n", os.Getpid(), name, strings.TrimSpace(string(id)), err)
	os.Stdin.Read(make([]byte, 1))
}

var tenantLine = regexp.MustCompile(`I am (\d+) on (\S+), boot_id (\S+) <nil>`)

// containerIsProcess looks at a container from inside and from outside.
var containerIsProcess = proof.Proof{
	ID: "container-is-process", Host: true,
	Guest: func(r *proof.Report) error {
		hostname, err := os.Hostname()
		if err != nil {
			return err
		}
		r.Saw("host-ours", "this machine: gethostname(2)", hostname)
		id, err := os.ReadFile(bootID)
		if err != nil {
			return err
		}
		r.Saw("id-ours", "this machine: "+bootID, strings.TrimSpace(string(id)))

		box, err := start(contained(reexec.Command("tenant")))
		if err != nil && refused(err) {
			r.Saw("refused", "clone(2) with new namespaces", refusal(err))
			return nil
		}
		if err != nil {
			return err
		}
		defer box.kill()
		seen, err := box.until(tenantLine)
		if err != nil {
			return err
		}
		r.Saw("pid-inside", "inside: getpid(2)", seen[1])
		r.Saw("host-inside", "inside: gethostname(2)", seen[2])
		r.Saw("id-inside", "inside: "+bootID, seen[3])

		pid := box.cmd.Process.Pid
		r.Sawf("pid-outside", "outside: the PID that clone(2) returned", "%d", pid)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return err
		}
		nspid := regexp.MustCompile(`(?m)^NSpid:\s+(.*)$`).FindStringSubmatch(string(status))
		if nspid == nil {
			return errors.New("no NSpid in /proc/PID/status")
		}
		r.Saw("nspid", fmt.Sprintf("outside: grep NSpid /proc/%d/status", pid), strings.Join(strings.Fields(nspid[1]), " "))
		for _, link := range []struct{ key, path string }{
			{"exe-ours", "/proc/self/exe"}, {"exe-inside", fmt.Sprintf("/proc/%d/exe", pid)},
		} {
			target, err := os.Readlink(link.path)
			if err != nil {
				return err
			}
			r.Saw(link.key, "outside: readlink "+link.path, target)
		}
		if hostname, err = os.Hostname(); err != nil {
			return err
		}
		r.Saw("host-after", "outside: gethostname(2)", hostname)

		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			return fmt.Errorf("kill(%d, SIGKILL): %w", pid, err)
		}
		_, code, err := box.rest()
		if err != nil {
			return err
		}
		r.Sawf("code", "outside: kill -KILL; how it ended, as a shell would say", "%d", code)
		return nil
	},
	Judge: func(s *proof.Seen) {
		if s.Has("refused") {
			skipRefused(s)
			return
		}
		s.Equal("pid-inside", "1")
		s.Equal("host-inside", "tenant")
		s.Same("host-after", "host-ours")
		s.Same("id-inside", "id-ours") // one kernel
		s.Check(strings.HasPrefix(s.Get("nspid"), s.Get("pid-outside")+" ") && strings.HasSuffix(s.Get("nspid"), " 1"),
			"one process should have both numbers, %s outside and 1 inside, not %s", s.Get("pid-outside"), s.Get("nspid"))
		s.Same("exe-inside", "exe-ours") // a file of this machine
		s.Equal("code", "137")
	},
}
