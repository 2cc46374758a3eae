package main

import (
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// ownLimit: root in a container writes "max" over its own limit. The attacker is root in both
// halves, in the same group, with the same tree before its eyes.
var ownLimit = proof.Proof{
	ID: "own-limit",
	Attack: &proof.Attack{
		Prepare: func(r *proof.Report) (func(), error) {
			g, err := newGroup(top, "prison")
			if err != nil {
				return nil, err
			}
			if err := tell(r, g, "pids.max", "20"); err != nil {
				return g.remove, err
			}
			return func() {
				show(r, "after-"+half(), g, "pids.max")
				g.remove()
			}, nil
		},
		Run: func(a *proof.Attacker) error {
			path, err := groupOf(unix.Getpid())
			if err != nil {
				return err
			}
			a.Saw("cat /proc/self/cgroup", path)
			return group(top+"/prison").set("pids.max", "max")
		},
		Without: func(cmd *exec.Cmd) error { return intoPrison(cmd, 0) },
		With:    func(cmd *exec.Cmd) error { return intoPrison(cmd, unix.CLONE_NEWCGROUP) },
		Errno:   unix.EPERM,
	},
	Judge: func(s *proof.Seen) {
		s.Equal("after-1", "max")
		s.Equal("after-2", "20")
	},
}

func intoPrison(cmd *exec.Cmd, unshare uintptr) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unshare}
	// The descriptor must live until the engine starts the command; it ends with this process.
	_, err := bornIn(cmd, group(top+"/prison"))
	return err
}

// halves counts what Prepare has prepared: 1 without the mechanism, 2 with it. A proof has a
// process of its own, and the engine runs the halves in this order.
var halves int

func half() string { halves++; return fmt.Sprint(halves) }
