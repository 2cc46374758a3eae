// Package store keeps what mydocker knows of its containers, on disk, for as many
// mydockers at once as there are. Lesson 01 teaches it (homework 01.1), mydocker imports it
// from lesson 02 on, and the files are the same:
//
//	ROOT/containers/ID/record.json   a Record
//	ROOT/containers/ID/log           the output, of a container in the background
//	ROOT/names/NAME → ID             a symbolic link: who has the name
//
// To what the homework does with mkdir(2), symlink(2) and rename(2) alone, it adds:
//
//   - flock(2) where a step has two halves: Update reads, changes and writes, and none of
//     two at once is lost; a name and its folder come and go together;
//   - Remove, which works with a damaged record and with none, and which a reader never
//     sees half done; Sweep, for what a mydocker left that was killed in the middle of it;
//   - a container whose mydocker was killed in the middle of Create is listed, with what is
//     known of it, so that it can be removed, and all that it has;
//   - a name that points to nothing is free again;
//   - Signal, by pidfd: a PID that was given to somebody else is never hit;
//   - ids that come from outside are checked before they become a part of a path.
//
// A lock is the kernel's, and ends with the process that holds it, however that ends: no
// lock file is ever stale.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/undo"
)

// A Store is a folder of containers. It holds nothing open; copy it freely.
type Store struct {
	Root string // made when the first container is
	Proc string // where procfs is mounted; "" means /proc
}

// A Record is what is known of one container.
type Record struct {
	ID      string    `json:"id"` // 12 hex digits
	Name    string    `json:"name"`
	Command []string  `json:"command"`
	Created time.Time `json:"created"`

	Process // the zero Process: not started yet

	// The end, if a mydocker was still there to see it.
	Finished time.Time `json:"finished,omitzero"`
	ExitCode *int      `json:"exit_code,omitempty"`

	// Config is what mydocker itself wants to find again: its cgroup, its address. The
	// store keeps it and does not look into it.
	Config json.RawMessage `json:"config,omitempty"`
}

var (
	// ErrNameTaken is returned by Create, wrapped, when another container has the name.
	ErrNameTaken = errors.New("the name is taken")
	// ErrNotFound is returned, wrapped, when there is no such container.
	ErrNotFound = errors.New("no such container")
)

// A DamagedError is a record that is there and cannot be used.
type DamagedError struct {
	ID, Path string
	Err      error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the record %s is damaged: %v", e.Path, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// Loops and not regular expressions: those would be compiled at every start of a mydocker,
// and of every process 1.

// isID: 12 hex digits.
func isID(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789abcdef") == ""
}

// isName: letters, digits and _ . - of which the last three do not begin it.
func isName(text string) bool {
	for i, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '_' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return text != ""
}

// Dir is the folder of a container, for whatever else belongs to it.
func (s Store) Dir(id string) string { return filepath.Join(s.Root, "containers", id) }

// Log is where the output of a container goes that runs in the background.
func (s Store) Log(id string) string { return filepath.Join(s.Dir(id), "log") }

func (s Store) record(id string) string { return filepath.Join(s.Dir(id), "record.json") }
func (s Store) name(name string) string { return filepath.Join(s.Root, "names", name) }

// Create makes a container and its first record. An empty ID is chosen, a zero Created is
// now. Of several who want one ID or one name at once, one gets it.
func (s Store) Create(r Record) (Record, error) {
	d, err := s.Begin(r)
	if err != nil {
		return Record{}, err
	}
	if err := d.Save(); err != nil {
		return Record{}, err
	}
	return d.Record, nil
}

// A Draft is a container that is being created: its id and its name are taken, and nobody
// else sees it before Save. If its mydocker is killed before, it is listed from then on.
type Draft struct {
	Record
	store  Store
	folder lock
}

// Begin is the first half of Create, which may fail, and is soon done.
func (s Store) Begin(r Record) (*Draft, error) {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	if !isID(r.ID) {
		return nil, fmt.Errorf("the id %q is not 12 hex digits", r.ID)
	}
	if r.Name != "" && !isName(r.Name) {
		return nil, fmt.Errorf("the name %q has other characters than a-z A-Z 0-9 _ . -", r.Name)
	}
	folder, err := s.begin(r)
	if err != nil {
		return nil, err
	}
	return &Draft{r, s, folder}, nil
}

// Save is the second half: it writes the Record. After an error there is no container.
func (d *Draft) Save() error {
	err := d.store.save(d.Record)
	d.Close()
	if err != nil {
		err = errors.Join(err, d.store.Remove(d.ID))
	}
	return err
}

// Close is the second half when there is to be no container after all. Until a Remove it is
// listed.
func (d *Draft) Close() { d.folder.unlock() }

// begin makes the folder and takes the name, both or neither. It returns the folder locked:
// as long as it is, and has no record, the container is being created.
func (s Store) begin(r Record) (lock, error) {
	for _, dir := range []string{s.Dir(""), s.name("")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return lock{}, err
		}
	}
	root, err := flock(s.Root)
	if err != nil {
		return lock{}, err
	}
	defer root.unlock()

	if err := os.Mkdir(s.Dir(r.ID), 0o700); err != nil {
		return lock{}, err
	}
	var u undo.Stack
	u.Push(func() error { return os.Remove(s.Dir(r.ID)) })
	folder, err := flock(s.Dir(r.ID))
	if err != nil {
		return lock{}, errors.Join(err, u.Run())
	}
	u.Push(func() error { folder.unlock(); return nil })
	if r.Name != "" {
		if err := s.claim(r.Name, r.ID); err != nil {
			return lock{}, errors.Join(err, u.Run())
		}
	}
	u.Release() // the folder and its lock are the caller's now
	return folder, nil
}

// claim takes a name. The root is locked: nobody else takes or frees one meanwhile.
func (s Store) claim(name, id string) error {
	err := os.Symlink(id, s.name(name))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	owner, err := os.Readlink(s.name(name))
	if err != nil {
		return err
	}
	if !s.abandoned(owner) {
		return fmt.Errorf("%w: %q is container %s", ErrNameTaken, name, owner)
	}
	// Its owner is gone, or was killed before it had a record. A symbolic link cannot be
	// changed, but another can be put in its place.
	if err := os.Remove(s.name(name)); err != nil {
		return err
	}
	return os.Symlink(id, s.name(name))
}

// abandoned is true for a container that nobody is creating and that has no record. The
// root is locked, so none begins meanwhile.
func (s Store) abandoned(id string) bool {
	if !isID(id) {
		return true // a name that points elsewhere points to no container
	}
	if _, err := os.Lstat(s.record(id)); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	folder, ok, err := tryFlock(s.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil || !ok {
		return false
	}
	defer folder.unlock()
	_, err = os.Lstat(s.record(id)) // it may have been finished between the two
	return errors.Is(err, fs.ErrNotExist)
}

// NewID is an id that nobody has: six bytes at random. They need not be secret.
func NewID() string { return fmt.Sprintf("%012x", rand.Uint64()>>16) }

// save puts a new record in the place of the old one.
func (s Store) save(r Record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.Dir(r.ID), ".record-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(data, '\n'))
	err = errors.Join(err, tmp.Close())
	if err == nil {
		// No fsync(2): after a power cut the boot id is another, and no container of a
		// record runs, whole or not.
		err = os.Rename(tmp.Name(), s.record(r.ID))
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// Load reads a record.
func (s Store) Load(id string) (Record, error) {
	if !isID(id) {
		return Record{}, fmt.Errorf("%w: %q is not an id", ErrNotFound, id)
	}
	data, err := os.ReadFile(s.record(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return Record{}, &DamagedError{id, s.record(id), err}
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, &DamagedError{id, s.record(id), err}
	}
	if r.ID != id {
		return Record{}, &DamagedError{id, s.record(id), fmt.Errorf("it is that of container %q", r.ID)}
	}
	return r, nil
}

// Update changes a record: it reads it, calls change, and writes it, and no other Update of
// the same container comes between. An error of change leaves the record as it was; what is
// returned with an error has the id, so that a caller who clears up knows of which container.
func (s Store) Update(id string, change func(*Record) error) (Record, error) {
	if !isID(id) {
		return Record{}, fmt.Errorf("%w: %q is not an id", ErrNotFound, id)
	}
	folder, err := flock(s.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{ID: id}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return Record{ID: id}, err
	}
	defer folder.unlock()
	r, err := s.Load(id) // by its path: had Remove been faster, it would not be there
	if err != nil {
		return Record{ID: id}, err
	}
	if err := change(&r); err != nil {
		return Record{ID: id}, err
	}
	if r.ID != id {
		return Record{ID: id}, fmt.Errorf("the id of container %s cannot be changed", id)
	}
	return r, s.save(r)
}

// Put writes a record in the place of the one that is there, for its container's keeper, who
// alone changes it: nothing is read. After a Remove it is ErrNotFound.
func (s Store) Put(r Record) error {
	folder, err := flock(s.Dir(r.ID))
	if err == nil {
		defer folder.unlock()
		_, err = os.Lstat(s.record(r.ID)) // by its path: had Remove been faster, it would not be there
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNotFound, r.ID)
	}
	if err != nil {
		return err
	}
	return s.save(r)
}

// List reads all records. It returns those that can be read even when some cannot: then
// the error is a DamagedError for each of the others, joined.
func (s Store) List() ([]Record, error) {
	entries, err := os.ReadDir(s.Dir(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Record
	var without []string
	var damaged []error
	for _, e := range entries {
		switch r, err := s.Load(e.Name()); {
		case errors.Is(err, ErrNotFound): // being created, being removed, or none of ours
			without = append(without, e.Name())
		case err != nil:
			damaged = append(damaged, err)
		default:
			all = append(all, r)
		}
	}
	unfinished, err := s.unfinished(without)
	return append(all, unfinished...), errors.Join(append(damaged, err)...)
}

// Empty is true when there is no container, not even one that is being created.
func (s Store) Empty() (bool, error) {
	entries, err := os.ReadDir(s.Dir(""))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isID(e.Name()) }), err
}

// unfinished are the containers among these whose mydocker was killed before their first
// record. What is known of them is in the names of files; Config is an empty object.
func (s Store) unfinished(ids []string) (all []Record, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	root, err := flock(s.Root)
	if err != nil {
		return nil, err
	}
	defer root.unlock()
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		info, err := os.Stat(s.Dir(id))
		if err != nil || !isID(id) || !s.abandoned(id) {
			continue
		}
		r := Record{ID: id, Created: info.ModTime(), Config: json.RawMessage("{}")}
		for name, owner := range names {
			if owner == id {
				r.Name = name
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// Find returns the container that ref means: an id, a name, or the beginning of an id that
// no other shares. A damaged record is an error only for who asks for it.
func (s Store) Find(ref string) (Record, error) {
	if ref == "" {
		return Record{}, fmt.Errorf("%w: no id or name given", ErrNotFound)
	}
	if isName(ref) {
		for _, id := range []string{ref, s.owner(ref)} {
			if r, err := s.Load(id); !errors.Is(err, ErrNotFound) {
				return r, err
			}
		}
	}
	all, damaged := s.List()
	var found []Record
	for _, r := range all {
		if strings.HasPrefix(r.ID, ref) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return Record{}, errors.Join(fmt.Errorf("%w: %q", ErrNotFound, ref), damaged)
	case 1:
		return found[0], nil
	default:
		return Record{}, fmt.Errorf("%q is the beginning of %d ids: give more of it", ref, len(found))
	}
}

// owner is the id that has the name, or "".
func (s Store) owner(name string) string {
	id, err := os.Readlink(s.name(name))
	if err != nil {
		return ""
	}
	return id
}

// Remove forgets a container and frees its name. It needs no record that can be read, and
// it is no error if there is nothing. It does not look whether the container runs.
func (s Store) Remove(id string) error {
	if !isID(id) {
		return fmt.Errorf("%w: %q is not an id", ErrNotFound, id)
	}
	root, err := flock(s.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.unlock()
	return errors.Join(s.free(id), s.takeAway(id))
}

// free removes the names that lead to id. The record may not be readable: the links are asked.
func (s Store) free(id string) error {
	names, err := s.names()
	errs := []error{err}
	for name, owner := range names {
		if owner == id {
			errs = append(errs, os.Remove(s.name(name)))
		}
	}
	return errors.Join(errs...)
}

// names are all names, and the ids that they lead to.
func (s Store) names() (owners map[string]string, err error) {
	entries, err := os.ReadDir(s.name(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	owners = map[string]string{}
	for _, e := range entries {
		owners[e.Name()] = s.owner(e.Name())
	}
	return owners, nil
}

// takeAway removes a folder: first out of the readers' sight, in one step.
func (s Store) takeAway(id string) error {
	folder, err := flock(s.Dir(id)) // an Update that has begun ends first
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.unlock()
	gone := s.Dir(".gone-" + id)
	if err := os.Rename(s.Dir(id), gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// Sweep removes what a mydocker left that was killed in the middle of Remove.
func (s Store) Sweep() error {
	root, err := flock(s.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.unlock()
	entries, err := os.ReadDir(s.Dir(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".gone-") {
			errs = append(errs, os.RemoveAll(s.Dir(e.Name())))
		}
	}
	return errors.Join(errs...)
}
