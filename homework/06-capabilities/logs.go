package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mydocker.example/shared/store"
)

// logs prints what a container that was started with -d has printed so far.
func logs(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("logs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("logs: one container expected")
	}
	r, err := s.Find(flags.Arg(0))
	if err != nil {
		return err
	}
	log, err := os.Open(s.Log(r.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("container %s has no log: it was not started with -d", r.ID)
	}
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = io.Copy(w, log)
	return err
}
