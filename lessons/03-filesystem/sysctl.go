package main

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// procSys: what is under /proc/sys belongs to the kernel, and there is one kernel. A fresh
// procfs in a new root has the same switches.
var procSys = proof.Proof{
	ID:        "proc-sys",
	Dangerous: true, // for a moment it changes what this machine does with a crashed program
	Attack: &proof.Attack{
		Prepare: prepareSwitch,
		Run:     throwSwitch,
		Without: ownMountsAndPIDs,
		With:    ownMountsAndPIDs,
		Inside: func(a *proof.Attacker) error {
			if err := enterOnce(a); err != nil {
				return err
			}
			return readOnly("/proc/sys")
		},
		Errno: unix.EROFS,
	},
	// The facts are those of the half that came last.
	Judge: func(s *proof.Seen) { s.Same("was", "is") },
}

const corePattern = "/proc/sys/kernel/core_pattern"

// prepareSwitch keeps the old value.
func prepareSwitch(r *proof.Report) (cleanup func(), err error) {
	remove, err := prepareRoot(r)
	if err != nil {
		return remove, err
	}
	was, err := os.ReadFile(corePattern)
	if err != nil {
		return remove, err
	}
	r.Saw("was", "the host: cat "+corePattern, strings.TrimSpace(string(was)))
	return func() {
		r.Saw("is", "the host afterwards: cat "+corePattern, strings.TrimSpace(text(corePattern)))
		os.WriteFile(corePattern, was, 0)
		remove()
	}, nil
}

// entered: in the half with the mechanism Inside was here first.
var entered bool

func enterOnce(a *proof.Attacker) error {
	if entered {
		return nil
	}
	entered = true
	return enter(a.Get("root"))
}

// throwSwitch is the attack program. When a program crashes, the kernel starts whatever
// stands behind the bar: as root, in the host's namespaces.
func throwSwitch(a *proof.Attacker) error {
	if err := enterOnce(a); err != nil {
		return err
	}
	const mine = "|/attackers/program"
	err := os.WriteFile(corePattern, []byte(mine), 0)
	a.Saw("echo '"+mine+"' >"+corePattern, answer(err))
	return err
}
