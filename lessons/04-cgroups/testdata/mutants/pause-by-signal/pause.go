// mutant: task=pause diagnosis=stopped-by-signal
// A signal for each process of the group, instead of the freezer.
package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

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
		return groupOf(r.ID).freeze(frozen)
	})
}

// stateOf is the store's answer, and the freezer's.
func stateOf(s store.Store, r store.Record) (store.State, error) {
	state, err := s.State(r)
	if err != nil || state != store.Running {
		return state, err
	}
	switch asked, err := groupOf(r.ID).get("cgroup.freeze"); {
	case gone(err): // it has no group, or ends
		return state, nil
	case err != nil:
		return "", err
	case asked == "1":
		return Paused, nil
	}
	return state, nil
}

// freeze stops everybody in the group, or lets them go on, and returns when it is so.
func (g group) freeze(frozen bool) error {
	// homework: pause
	// TODO: 1 or 0 into cgroup.freeze, and await the same as frozen in cgroup.events.
	sig := map[bool]unix.Signal{false: unix.SIGCONT, true: unix.SIGSTOP}[frozen]
	pids, err := g.get("cgroup.procs")
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(pids) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			return err
		}
		unix.Kill(n, sig)
	}
	return nil
	// end
}
