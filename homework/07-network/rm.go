package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// rm removes containers with all that belongs to them.
func rm(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("rm")
	var force bool
	flags.on(&force, "-f --force", "one that runs is killed first")
	refs, err := flags.parse(args)
	if err != nil {
		return err
	}
	err = each(refs, "rm", w, func(ref string) error { return remove(s, ref, force) })
	return errors.Join(err, sweep(s))
}

// remove removes a container, and with force ends it first. It needs no record: all that a
// container has is found from its id.
func remove(s store.Store, ref string, force bool) error {
	r, err := s.Find(ref)
	var damaged *store.DamagedError
	switch {
	case err == nil || !force:
	case errors.Is(err, store.ErrNotFound): // beginnings of ids, too, so none is damaged
		if !isID(ref) {
			return nil // docker's way: what is to be gone is gone
		}
		r, err = store.Record{ID: ref}, nil
	case errors.As(err, &damaged):
		r, err = store.Record{ID: damaged.ID}, nil
	}
	if err != nil {
		return err
	}

	pidfd, err := keeper(s, r.ID)
	if err != nil {
		return err
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
		if !force {
			return fmt.Errorf("container %s runs: stop it first, or rm -f", r.ID)
		}
		if err := finish(s, r, pidfd); err != nil {
			return err
		}
	}
	return forget(s, r.ID)
}

// isID: 12 hex digits.
func isID(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789abcdef") == ""
}

// finish ends a container at once, and waits for its keeper's end.
func finish(s store.Store, r store.Record, pidfd int) error {
	err := send(s, r, unix.SIGKILL)
	if errors.Is(err, store.ErrNotRunning) { // or nothing is known of it
		// By prepare's request the kernel sends SIGKILL on to process 1.
		err = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		if errors.Is(err, unix.ESRCH) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	_, err = await(pidfd, -1)
	return err
}

// forget removes whatever there is of a container that runs no more. The state goes last: as
// long as it is there, the rest can be found.
func forget(s store.Store, id string) error {
	if err := errors.Join(removeGroup(groupOf(id)), detachNetwork(id)); err != nil {
		return err
	}
	if rootless() {
		if _, err := os.Stat(s.Dir(id)); err == nil {
			if err := asAll("remove-layers", s.Dir(id)); err != nil {
				return err
			}
		}
	}
	return s.Remove(id)
}

// sweep removes what is left of mydockers that were killed, and what all containers share
// when there is no container any more.
func sweep(s store.Store) error {
	err := s.Sweep()
	if empty, unsure := s.Empty(); !empty || unsure != nil {
		return errors.Join(err, unsure)
	}
	sweepGroups()
	return errors.Join(err, sweepNetwork())
}
