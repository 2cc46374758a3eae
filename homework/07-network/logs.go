package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// logs prints what a container has printed so far.
func logs(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("logs")
	var follow bool
	last := -1
	flags.on(&follow, "-f --follow", "and what it prints from now on, until it ends")
	flags.each("-n --tail", "LINES", "the last lines only", func(text string) (err error) {
		if last, err = strconv.Atoi(text); text == "all" {
			last, err = -1, nil
		}
		return err
	})
	refs, err := flags.parse(args)
	if err != nil {
		return err
	}
	if len(refs) != 1 {
		return errors.New("logs: one container expected")
	}
	r, err := s.Find(refs[0])
	if err != nil {
		return err
	}
	if last >= 0 {
		if err := tail(s, r.ID, last, w); err != nil || !follow {
			return err
		}
		return followLog(s, r.ID, io.SeekEnd, w)
	}
	if old, err := os.Open(oldLog(s.Log(r.ID))); err == nil {
		defer old.Close()
		if _, err := io.Copy(w, old); err != nil {
			return err
		}
	}
	if follow {
		return followLog(s, r.ID, io.SeekStart, w)
	}
	log, err := os.Open(s.Log(r.ID))
	if errors.Is(err, fs.ErrNotExist) { // it has printed nothing
		return nil
	}
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = io.Copy(w, log)
	return err
}

// tail prints the last lines. A log is bounded, and fits into memory.
func tail(s store.Store, id string, lines int, w io.Writer) error {
	var text []byte
	for _, path := range []string{oldLog(s.Log(id)), s.Log(id)} {
		part, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		text = append(text, part...)
	}
	at := len(text)
	if at > 0 && text[at-1] == '\n' {
		at--
	}
	for ; lines > 0 && at >= 0; lines-- {
		at = bytes.LastIndexByte(text[:at], '\n')
	}
	if at < len(text) && (at >= 0 || lines == 0) {
		text = text[at+1:]
	}
	_, err := w.Write(text)
	return err
}

// followLog prints the log from a place on, until its keeper has ended.
func followLog(s store.Store, id string, whence int, w io.Writer) error {
	pidfd, err := keeper(s, id)
	if err != nil {
		return err
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
	}
	var log *os.File
	defer func() { log.Close() }()
	for {
		ended := pidfd < 0
		if !ended {
			if ended, err = await(pidfd, followPace); err != nil {
				return err
			}
		}
		// Asked before the read: what is printed until the end is there by then.
		for {
			if log == nil {
				log, err = os.Open(s.Log(id))
				if errors.Is(err, fs.ErrNotExist) {
					break
				}
				if err == nil {
					_, err = log.Seek(0, whence)
				}
				if err != nil {
					return err
				}
				whence = io.SeekStart
			}
			if _, err := io.Copy(w, log); err != nil {
				return err
			}
			if current(log, s.Log(id)) {
				break
			}
			log.Close() // it has become the old one: on with the new
			log = nil
		}
		if ended {
			return nil
		}
	}
}

const followPace = 50 * time.Millisecond

// current: is this file still the one of that name? One that was removed has no successor.
func current(f *os.File, path string) bool {
	ours, err1 := f.Stat()
	theirs, err2 := os.Stat(path)
	if errors.Is(err2, fs.ErrNotExist) {
		return true
	}
	return err1 == nil && err2 == nil && os.SameFile(ours, theirs)
}
