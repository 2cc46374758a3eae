// mutant: task=store diagnosis=lost-record
// All containers are in one file, replaced by rename, but read and written without a lock.

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

type store struct{ root string }

func (s store) dir(id string) string { return filepath.Join(s.root, "containers", id) }
func (s store) log(id string) string { return filepath.Join(s.dir(id), "log") }
func (s store) file() string         { return filepath.Join(s.root, "containers.json") }

func (s store) create(spec Spec) (Container, error) {
	c := Container{ID: newID(), Name: spec.Name, Command: spec.Command, Created: time.Now()}
	all, err := s.list()
	if err != nil {
		return Container{}, err
	}
	for _, other := range all {
		if c.Name != "" && other.Name == c.Name {
			return Container{}, fmt.Errorf("the name %q is taken by container %s", c.Name, other.ID)
		}
	}
	if err := os.MkdirAll(s.dir(c.ID), 0o700); err != nil {
		return Container{}, err
	}
	return c, s.save(c)
}

func newID() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s store) save(c Container) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	found := false
	for i := range all {
		if all[i].ID == c.ID {
			all[i], found = c, true
		}
	}
	if !found {
		all = append(all, c)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.root, "containers-*.tmp")
	if err != nil {
		return err
	}
	defer tmp.Close()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), s.file())
}

func (s store) load(id string) (Container, error) {
	all, err := s.list()
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return Container{}, errors.Join(fmt.Errorf("no container %q", id), err)
}

func (s store) list() ([]Container, error) {
	data, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Container
	return all, json.Unmarshal(data, &all)
}
