package main

import (
	"os"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// procRoot: the container has a root of its own, and a /proc that shows the processes of
// the host. /proc/PID/root is not a path, it is a door.
var procRoot = proof.Proof{
	ID: "proc-root",
	Attack: &proof.Attack{
		Prepare: prepareHost,
		Run:     throughProc,
		Without: ownMounts,
		With:    ownMountsAndPIDs,
		Errno:   unix.ENOENT,
	},
}

// throughProc enters the root, the same way in both halves, and is then the attack program.
// The procfs that enter mounts is the one of the PID namespace that we are in.
func throughProc(a *proof.Attacker) error {
	if err := enter(a.Get("root")); err != nil {
		return err
	}
	if err := sawOwnTable(a); err != nil {
		return err
	}
	names, err := list("/proc/1/root/")
	if err != nil {
		return err
	}
	a.Saw("ls /proc/1/root/", names)
	path := "/proc/1/root" + a.Get("diary")
	text, err := os.ReadFile(path)
	a.Saw("cat "+path, orText(err, string(text)))
	return err
}
