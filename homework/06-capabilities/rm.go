package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// rm forgets containers: the record, the log, the name.
func rm(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("rm")
	force := flags.Bool("f", false, "")
	flags.BoolVar(force, "force", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return each(flags.Args(), "rm", w, func(ref string) error { return remove(s, ref, *force) })
}

// remove forgets a container, and with force ends it first. It needs no record: all that a
// container has is found from its id.
func remove(s store.Store, ref string, force bool) error {
	r, err := s.Find(ref)
	var damaged *store.DamagedError
	switch {
	case err == nil || !force:
	case errors.Is(err, store.ErrNotFound): // beginnings of ids, too, so none is damaged
		if !isID.MatchString(ref) {
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
	// The group first: it is found from the id, and the id from the record.
	if g, err := groupOf(r); err == nil {
		if err := bounded(g.Remove); err != nil {
			return err
		}
	} else if !gone(err) {
		return err
	}
	if err := removeFiles(s.Dir(r.ID)); err != nil {
		return err
	}
	return errors.Join(s.Remove(r.ID), s.Sweep())
}

var isID = regexp.MustCompile(`^[0-9a-f]{12}$`)

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
