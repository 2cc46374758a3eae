package main

import (
	"fmt"
	"io"

	"mydocker.example/shared/store"
)

// Paused is a state that no record and no process knows: the group does.
const Paused store.State = "paused"

func pause(s store.Store, args []string, w io.Writer) error {
	return setFrozen(s, "pause", true, args, w)
}

func unpause(s store.Store, args []string, w io.Writer) error {
	return setFrozen(s, "unpause", false, args, w)
}

// setFrozen stops all processes of containers, or lets them go on. They are not told, and
// cannot refuse.
func setFrozen(s store.Store, command string, on bool, args []string, w io.Writer) error {
	refs, err := newFlags(command).parse(args)
	if err != nil {
		return err
	}
	return each(refs, command, w, func(ref string) error {
		r, err := s.Find(ref)
		if err != nil {
			return err
		}
		switch state, err := stateOf(s, r); {
		case err != nil:
			return err
		case state != store.Running && state != Paused:
			return fmt.Errorf("%s: container %s is not running", command, r.ID)
		case on && state == Paused:
			return fmt.Errorf("%s: container %s is already paused", command, r.ID)
		case !on && state != Paused:
			return fmt.Errorf("%s: container %s is not paused", command, r.ID)
		}
		return freeze(r.ID, on)
	})
}

// stateOf is the store's answer, and the freezer's.
func stateOf(s store.Store, r store.Record) (store.State, error) {
	state, err := s.State(r)
	if err == nil && state == store.Running && frozen(r.ID) {
		return Paused, nil
	}
	return state, err
}
