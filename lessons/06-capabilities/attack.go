package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// The lesson's attacks. In the first half the attacker has every capability there is, in the
// second what docker leaves it, and that is the only difference: the surroundings are the
// same in both.

// inUserNS is set in the parent: a container with a user namespace, as lesson 05 left it, but
// for the PID namespace, so that the /proc that is there still fits.
func inUserNS(more uintptr) func(cmd *exec.Cmd) error {
	return func(cmd *exec.Cmd) error {
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | more,
			UidMappings: ids, GidMappings: ids,
			GidMappingsEnableSetgroups: true,
			Credential:                 &syscall.Credential{Uid: 0, Gid: 0},
		}
		return nil
	}
}

// onTheHost is set in the parent: a container as lesson 03 left it. Its root is the host's.
func onTheHost(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS}
	return nil
}

// dockers runs in the child, in the half with the mechanism, before the attack.
func dockers(*proof.Attacker) error { return limit(docker) }

// start runs in the child, in both halves.
func start(a *proof.Attacker) error {
	a.Saw("geteuid(2), CapEff", fmt.Sprintf("%d, %s", os.Geteuid(), mine("CapEff")))
	return nil
}

// setup marks what must work in both halves: if it fails, no attack was stopped.
func setup(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("not even the surroundings could be made: " + err.Error()) // without the errno: it is no answer
}

// mountAttack: code of the kernel's that parses what the attacker writes.
var mountAttack = proof.Proof{
	ID: "mount",
	Attack: &proof.Attack{
		Run: func(a *proof.Attacker) error {
			start(a)
			const dir = "/mnt"
			err := unix.Mount("tmpfs", dir, "tmpfs", 0, "")
			a.Saw("mount -t tmpfs", answer(err))
			if err != nil {
				return err
			}
			for _, name := range []string{"upper", "work", "merged"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
					return err
				}
			}
			err = unix.Mount("overlay", dir+"/merged", "overlay", 0, "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work")
			a.Saw("mount -t overlay", answer(err))
			return err
		},
		Without: inUserNS(0),
		With:    inUserNS(0),
		Inside:  dockers,
		Errno:   unix.EPERM,
	},
}

// ptraceAttack: into a process of another user of the container.
var ptraceAttack = proof.Proof{
	ID: "ptrace",
	Attack: &proof.Attack{
		Run: func(a *proof.Attacker) error {
			start(a)
			victim := exec.Command("sleep", "1000")
			victim.Env = []string{"TOKEN=hush"}
			victim.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 33, Gid: 33}}
			if err := victim.Start(); err != nil {
				return setup(err)
			}
			defer victim.Wait()
			defer victim.Process.Kill()
			// PTRACE_SEIZE: from here on its memory and registers are ours.
			_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(victim.Process.Pid), 0, 0, 0, 0)
			if errno != 0 {
				a.Saw("ptrace(PTRACE_SEIZE, a process of user 33)", answer(errno))
				return errno
			}
			a.Saw("ptrace(PTRACE_SEIZE, a process of user 33)", "ok")
			text, err := peek(victim.Process.Pid)
			a.Saw("its environment, out of its memory", said(text, err))
			return err
		},
		Without: inUserNS(0),
		With:    inUserNS(0),
		Inside:  dockers,
		Errno:   unix.EPERM,
	},
}

// peek reads a process's environment, which is its memory. It is empty for the moment
// between clone(2) and execve(2).
func peek(pid int) (string, error) {
	for range 1000 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			return "", err
		}
		if len(text) > 0 {
			return string(text[:len(text)-1]), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return "", errors.New("empty")
}
