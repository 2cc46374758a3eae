// Package thread is how the calling thread gives up capabilities: the kernel keeps them for
// each thread. Call it on the thread that will execute the program, or clone the process that
// does, with runtime.LockOSThread; all others keep what they have.
//
// It stands on gocapability, which asks the kernel for its last capability whenever a program
// starts that has it linked in. So a mydocker that has its process 1 write the calls down
// (shared/join) does without it, and starts the sooner.
package thread

import (
	"errors"
	"fmt"

	"github.com/syndtr/gocapability/capability"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
)

// ErrMissing is what Limit fails with when something is to be kept that the thread has not.
var ErrMissing = errors.New("not this thread's to keep")

// Limit leaves the calling thread keep and nothing else, for good: inheritable and ambient
// empty, and no program that it executes gets more, whoever owns the file and whatever the
// file carries.
//
// The order is the kernel's. Bounding first: each PR_CAPBSET_DROP needs CAP_SETPCAP, and
// that may be among what goes. Then the three sets of capset(2). A capability leaves the
// ambient set by itself with the inheritable one.
func Limit(keep caps.Set) error {
	now, err := caps.Thread()
	if err != nil {
		return err
	}
	if missing := keep &^ now.Permitted; missing != 0 {
		return fmt.Errorf("%s: %w: %w", missing, ErrMissing, unix.EPERM)
	}
	if now.Bounding&^keep != 0 && !now.Effective.Has(unix.CAP_SETPCAP) {
		// The library would leave the set as it is and say nothing.
		return fmt.Errorf("prctl(PR_CAPBSET_DROP, %s) without CAP_SETPCAP: %w", now.Bounding&^keep, unix.EPERM)
	}
	c, err := capability.NewPid2(0) // 0 is the calling thread (capset(2)); all sets empty
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for n := range 64 {
		if keep.Has(n) {
			c.Set(capability.BOUNDING|capability.PERMITTED|capability.EFFECTIVE, capability.Cap(n))
		}
	}
	if err := c.Apply(capability.BOUNDS); err != nil {
		return fmt.Errorf("prctl(PR_CAPBSET_DROP): %w", err)
	}
	if err := c.Apply(capability.CAPS); err != nil {
		return fmt.Errorf("capset(%s): %w", keep, err)
	}
	// What the kernel says is what holds.
	if now, err = caps.Thread(); err != nil {
		return err
	}
	if want := (caps.Sets{Permitted: keep, Effective: keep, Bounding: now.Bounding & keep}); now != want {
		return fmt.Errorf("after the drop the thread has %+v", now)
	}
	return nil
}

// NoNewPrivs gives up, for the calling thread and all its children, that execve(2) can give
// anything: set-user-ID bits and file capabilities are ignored from now on. There is no way
// back (prctl(2), PR_SET_NO_NEW_PRIVS).
func NoNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS, 1): %w", err)
	}
	return nil
}
