package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// stop asks containers to end, and ends those that have not done so in time.
func stop(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("stop")
	seconds := uint(10)
	flags.number(&seconds, "-t --time --timeout", "SECONDS", "how long it may take before SIGKILL (10)")
	refs, err := flags.parse(args)
	if err != nil {
		return err
	}
	return each(refs, "stop", w, func(ref string) error {
		r, err := s.Find(ref)
		if err != nil {
			return err
		}
		return end(s, r, time.Duration(seconds)*time.Second)
	})
}

// end sends SIGTERM and, when the grace is over, SIGKILL. It returns when the keeper has
// written down how the container ended. One that does not run is no error.
func end(s store.Store, r store.Record, grace time.Duration) error {
	pidfd, err := keeper(s, r.ID)
	if pidfd < 0 || err != nil {
		return err // without a keeper it has ended, or is about to: its death signal is sent
	}
	defer unix.Close(pidfd)
	for _, step := range []struct {
		sig   unix.Signal
		grace time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, -1}} {
		if err := send(s, r, step.sig); err != nil && !errors.Is(err, store.ErrNotRunning) {
			return err
		}
		if ended, err := await(pidfd, step.grace); ended || err != nil {
			return err
		}
	}
	return nil
}

// each calls do for every container that was named, and prints the names of those that it
// worked for, as docker does. One failure does not stop the rest.
func each(refs []string, command string, w io.Writer, do func(ref string) error) error {
	if len(refs) == 0 {
		return fmt.Errorf("%s: which container?", command)
	}
	var errs []error
	for _, ref := range refs {
		if err := do(ref); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(w, ref)
	}
	return errors.Join(errs...)
}
