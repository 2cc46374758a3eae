package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// kill sends a signal to process 1 of containers. SIGKILL and SIGSTOP act on process 1
// itself; all others it hands on to the command.
func kill(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("kill")
	sig := unix.SIGKILL
	flags.each("-s --signal", "SIGNAL", "TERM, SIGTERM or 15 (KILL)", func(text string) (err error) {
		sig, err = parseSignal(text)
		return err
	})
	refs, err := flags.parse(args)
	if err != nil {
		return err
	}
	return each(refs, "kill", w, func(ref string) error {
		r, err := s.Find(ref)
		if err != nil {
			return err
		}
		return send(s, r, sig)
	})
}

// send signals a container. SIGKILL is for everybody in its group.
func send(s store.Store, r store.Record, sig unix.Signal) error {
	if err := s.Signal(r, sig); err != nil {
		return err
	}
	var err error
	if sig == unix.SIGKILL {
		err = killGroup(r.ID)
	} else {
		err = freeze(r.ID, false) // docker's way: who is paused would not hear it
	}
	if gone(err) { // it has no group, or has ended already
		return nil
	}
	return err
}

// parseSignal reads TERM, SIGTERM, term or 15 (signal(7)).
func parseSignal(text string) (unix.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > 64 {
			return 0, fmt.Errorf("there is no signal %d", n)
		}
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("there is no signal %q", text)
}
