package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// unknownExit is what wait prints of a container that died with its mydocker: nobody was
// left to wait(2) for it. By prepare's request it was SIGKILL.
const unknownExit = 128 + int(unix.SIGKILL)

// wait waits for containers and prints how they ended, in the order of the arguments.
func wait(s store.Store, args []string, w io.Writer) error {
	refs, err := newFlags("wait").parse(args)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return errors.New("wait: which container?")
	}
	var errs []error
	for _, ref := range refs {
		code, err := waitFor(s, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(w, code)
	}
	return errors.Join(errs...)
}

// waitFor returns a container's exit code, when it has one.
func waitFor(s store.Store, ref string) (code int, err error) {
	r, err := s.Find(ref)
	if err != nil {
		return 0, err
	}
	// Opened before the end: with --rm the container is gone when it has ended, and this file
	// lives as long as somebody has it open.
	last, err := os.Open(lockFile(s, r.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("container %s has never run", r.ID)
	}
	if err != nil {
		return 0, err
	}
	defer last.Close()
	pidfd, err := keeper(s, r.ID)
	if err != nil {
		return 0, err
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
		if _, err := await(pidfd, -1); err != nil {
			return 0, err
		}
	}
	switch _, err := fmt.Fscan(last, &code); {
	case err == nil:
		return code, nil
	case errors.Is(err, io.EOF): // the keeper has not come to write it
		return unknownExit, nil
	default:
		return 0, err
	}
}
