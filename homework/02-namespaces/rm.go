package main

import (
	"io"
	"regexp"

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
	// homework: stop
	// TODO: s.Find. With force go on without a record that can be read: a DamagedError has
	// the id, and after ErrNotFound ref may be one (isID). Does it have a keeper? Then
	// it is an error without force; with force end it: at once, or, if nothing is known
	// of its process 1, by the keeper's death. Only then s.Remove.
	return todo("stop: remove")
}

var isID = regexp.MustCompile(`^[0-9a-f]{12}$`)

// finish ends a container at once, and waits for its keeper's end.
func finish(s store.Store, r store.Record, pidfd int) error {
	// homework: stop
	// TODO: SIGKILL for the container (s.Signal), so that its keeper sees the end. If its
	// process is not known, for the keeper (unix.PidfdSendSignal).
	return todo("stop: finish")
}
