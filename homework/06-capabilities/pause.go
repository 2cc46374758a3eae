package main

import (
	"fmt"
	"io"

	"mydocker.example/shared/store"
)

// Paused is a state that no record and no process knows: the group does.
const Paused store.State = "paused"

// pause stops all processes of containers (frozen), or lets them go on: pause and unpause.
// They are not told, and cannot refuse.
func pause(s store.Store, command string, frozen bool, args []string, w io.Writer) error {
	flags := newFlags(command)
	if err := flags.Parse(args); err != nil {
		return err
	}
	return each(flags.Args(), command, w, func(ref string) error {
		r, err := s.Find(ref)
		if err != nil {
			return err
		}
		switch state, err := stateOf(s, r); {
		case err != nil:
			return err
		case state != store.Running && state != Paused:
			return fmt.Errorf("%s: container %s is not running", command, r.ID)
		case frozen && state == Paused:
			return fmt.Errorf("%s: container %s is already paused", command, r.ID)
		case !frozen && state != Paused:
			return fmt.Errorf("%s: container %s is not paused", command, r.ID)
		}
		g, err := groupOf(r)
		if err != nil {
			return err
		}
		return freeze(g, frozen)
	})
}

// stateOf is the store's answer, and the freezer's.
func stateOf(s store.Store, r store.Record) (store.State, error) {
	state, err := s.State(r)
	if err != nil || state != store.Running {
		return state, err
	}
	g, err := groupOf(r)
	if err != nil {
		return state, nil
	}
	switch stats, err := g.Stats(); {
	case gone(err): // it has no group, or ends
		return state, nil
	case err != nil:
		return "", err
	case stats.Frozen:
		return Paused, nil
	}
	return state, nil
}
