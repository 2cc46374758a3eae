package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// oldProc is the third state. Both halves have the PID namespace; the mechanism is a /proc
// that belongs to it.
var oldProc = proof.Proof{
	ID: "old-proc",
	Attack: &proof.Attack{
		Prepare: aCashier,
		Run:     writeMem,
		Without: inNewPID,
		With:    inNewPIDAndMount,
		Inside:  freshProc,
		Errno:   unix.ENOENT,
	},
	Judge: unharmed("pay alice", "pay trudy"),
}

// writeMem does what injectWord does, without a process number in any system call: in a
// path the number is text, and the /proc that reads it has its own idea of it.
func writeMem(a *proof.Attacker) error {
	pid, err := strconv.Atoi(a.Get("victim"))
	if err != nil {
		return err
	}
	// That the namespace is there: by number the victim cannot be reached.
	err = unix.Kill(pid, 0)
	a.Saw(fmt.Sprintf("kill(%d, 0)", pid), answer(err))
	if err != unix.ESRCH {
		return fmt.Errorf("the victim is in our PID namespace: kill(%d, 0): %v", pid, err)
	}

	regions, err := writable(pid)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/proc/%d/mem", pid)
	mem, err := os.OpenFile(path, os.O_RDWR, 0) // the offset is the address (proc_pid_mem(5))
	if err != nil {
		return err
	}
	defer mem.Close()
	found, err := addresses(regions, "alice", func(at uint64, into []byte) error {
		_, err := mem.ReadAt(into, int64(at))
		return err
	})
	if err != nil {
		return err
	}
	for _, at := range found {
		if _, err := mem.WriteAt([]byte("trudy"), int64(at)); err != nil {
			return err
		}
	}
	a.Saw("pwrite("+path+"), places where alice became trudy", strconv.Itoa(len(found)))
	return nil
}

// inNewPIDAndMount is the mechanism, set in the parent. The child begins as root, because
// only root may mount; freshProc takes that away.
func inNewPIDAndMount(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	return nil
}

// freshProc is the rest of it. It runs in the child: after clone(2), before the attack.
func freshProc(*proof.Attacker) error {
	student, err := studentID()
	if err != nil {
		return err
	}
	if err := privateProc(); err != nil {
		return err
	}
	// The groups first, then the group, then the user: after setuid(2) we may change no
	// group any more.
	return errors.Join(
		syscall.Setgroups(nil),
		syscall.Setgid(int(student.Gid)),
		syscall.Setuid(int(student.Uid)),
	)
}
