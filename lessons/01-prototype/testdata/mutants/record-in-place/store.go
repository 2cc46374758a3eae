// mutant: task=store diagnosis=in-place,half-record
// The record is written straight into its file.

package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A store keeps what mydocker knows of its containers. Many mydockers read and write it
// at once, and none of them takes a lock: each step is one system call that the kernel
// does wholly or not at all.
//
//	ROOT/containers/ID/record.json   a Container
//	ROOT/containers/ID/log           the output, if it was started with -d
//	ROOT/names/NAME → ID             a symbolic link: who has the name
type store struct{ root string }

func (s store) dir(id string) string    { return filepath.Join(s.root, "containers", id) }
func (s store) record(id string) string { return filepath.Join(s.dir(id), "record.json") }
func (s store) log(id string) string    { return filepath.Join(s.dir(id), "log") }
func (s store) name(name string) string { return filepath.Join(s.root, "names", name) }

// create makes the record of a new container, before there is a process.
func (s store) create(spec Spec) (Container, error) {
	c := Container{ID: newID(), Name: spec.Name, Command: spec.Command, Created: time.Now()}
	if err := os.MkdirAll(filepath.Dir(s.dir(c.ID)), 0o700); err != nil {
		return Container{}, err
	}
	// mkdir(2) fails with EEXIST if the folder is there: of two with one id, one goes on.
	if err := os.Mkdir(s.dir(c.ID), 0o700); err != nil {
		return Container{}, err
	}
	err := s.claim(c.Name, c.ID)
	if err == nil {
		err = s.save(c)
	}
	if err != nil {
		return Container{}, errors.Join(err, os.RemoveAll(s.dir(c.ID)))
	}
	return c, nil
}

func newID() string {
	var b [6]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// claim takes a name for a container. Of several who want it at once, one gets it.
func (s store) claim(name, id string) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.name(name)), 0o700); err != nil {
		return err
	}
	err := os.Symlink(id, s.name(name))
	if errors.Is(err, fs.ErrExist) {
		owner, _ := os.Readlink(s.name(name))
		return fmt.Errorf("the name %q is taken by container %s: %w", name, owner, fs.ErrExist)
	}
	return err
}

// save replaces the record of c. Who reads at the same moment sees the old or the new
// one, never half of either.
func (s store) save(c Container) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.record(c.ID), append(data, '\n'), 0o600)
}

// load reads one record, and does not believe it blindly.
func (s store) load(id string) (Container, error) {
	data, err := os.ReadFile(s.record(id))
	if err != nil {
		return Container{}, err
	}
	var c Container
	if err := json.Unmarshal(data, &c); err != nil {
		return Container{}, fmt.Errorf("the record %s is damaged: %w", s.record(id), err)
	}
	if c.ID != id || len(c.Command) == 0 {
		return Container{}, fmt.Errorf("the record %s is damaged: not that of container %s", s.record(id), id)
	}
	return c, nil
}

// list reads all records. It returns those that can be read even when some cannot: then
// the error names each of the others.
func (s store) list() ([]Container, error) {
	entries, err := os.ReadDir(s.dir(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Container
	var damaged []error
	for _, e := range entries {
		c, err := s.load(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		all = append(all, c)
	}
	return all, errors.Join(damaged...)
}
