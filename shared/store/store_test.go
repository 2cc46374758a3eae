package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) Store { return Store{Root: filepath.Join(t.TempDir(), "root")} }

func create(t *testing.T, s Store, name string) Record {
	t.Helper()
	r, err := s.Create(Record{Name: name, Command: []string{"true"}})
	require.NoError(t, err)
	return r
}

func TestRoundTrip(t *testing.T) {
	s := open(t)
	r := create(t, s, "web")
	assert.True(t, isID(r.ID), r.ID)
	changed, err := s.Update(r.ID, func(r *Record) error {
		code := 137
		r.Process = Process{PID: 42, StartTime: 4711, BootID: "a boot"}
		r.Finished, r.ExitCode = time.Now(), &code
		r.Config = json.RawMessage(`{"cgroup":"/x"}`)
		return nil
	})
	require.NoError(t, err)
	loaded, err := s.Load(r.ID)
	require.NoError(t, err)
	assert.True(t, loaded.Created.Equal(r.Created))
	assert.Equal(t, changed.Process, loaded.Process)
	assert.Equal(t, 137, *loaded.ExitCode)
	assert.JSONEq(t, `{"cgroup":"/x"}`, string(loaded.Config))
}

// The homework's records are ours: mydocker of lesson 02 finds what that of 01 left.
func TestReadsTheHomeworksRecord(t *testing.T) {
	s := open(t)
	const id = "84747e501183"
	require.NoError(t, os.MkdirAll(s.Dir(id), 0o700))
	require.NoError(t, os.WriteFile(s.record(id), []byte(`{
  "id": "84747e501183",
  "name": "web",
  "command": ["sleep", "2"],
  "created": "2026-01-02T03:04:05.588542707Z",
  "pid": 15828,
  "start_time": 158998,
  "boot_id": "9b60e0d1-fd56-44ea-a4e2-dda80fcfde28",
  "finished": "2026-01-02T03:04:07.593108527Z",
  "exit_code": 0
}`), 0o600))
	r, err := s.Load(id)
	require.NoError(t, err)
	assert.Equal(t, Process{15828, 158998, "9b60e0d1-fd56-44ea-a4e2-dda80fcfde28"}, r.Process)
	assert.Equal(t, 0, *r.ExitCode)
}

func TestOneOfEightGetsTheName(t *testing.T) {
	s := open(t)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = s.Create(Record{Name: "web", Command: []string{"true"}}) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			assert.ErrorIs(t, err, ErrNameTaken)
		}
	}
	list, err := s.List()
	require.NoError(t, err)
	assert.Equal(t, 1, won)
	assert.Len(t, list, 1)
	left, err := os.ReadDir(s.Dir(""))
	require.NoError(t, err)
	assert.Len(t, left, 1, "who does not get the name leaves no folder")
}

func TestOneOfEightGetsTheID(t *testing.T) {
	s := open(t)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = s.Create(Record{ID: "0123456789ab", Name: fmt.Sprintf("n%d", i), Command: []string{"true"}})
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			assert.ErrorIs(t, err, os.ErrExist)
		}
	}
	assert.Equal(t, 1, won)
	names, err := os.ReadDir(s.name(""))
	require.NoError(t, err)
	assert.Len(t, names, 1)
}

func TestNoUpdateIsLost(t *testing.T) {
	s := open(t)
	r := create(t, s, "")
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, err := s.Update(r.ID, func(r *Record) error { r.Command = append(r.Command, "x"); return nil })
			assert.NoError(t, err)
		})
	}
	all.Wait()
	r, err := s.Load(r.ID)
	require.NoError(t, err)
	assert.Len(t, r.Command, 41)
}

func TestReadersNeverSeeHalf(t *testing.T) {
	s := open(t)
	kept := create(t, s, "kept")
	var readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		for {
			list, err := s.List()
			if !assert.NoError(t, err) || !assert.NotEmpty(t, list) {
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 200 {
		r := create(t, s, "web")
		_, err := s.Update(kept.ID, func(r *Record) error {
			r.Command = []string{strings.Repeat("x", i*20+1)}
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, s.Remove(r.ID))
	}
	close(done)
	readers.Wait()
}

func TestUpdateThatFailsChangesNothing(t *testing.T) {
	s := open(t)
	r := create(t, s, "")
	_, err := s.Update(r.ID, func(r *Record) error { r.Command = nil; return os.ErrInvalid })
	assert.ErrorIs(t, err, os.ErrInvalid)
	_, err = s.Update(r.ID, func(r *Record) error { r.ID = "0123456789ab"; return nil })
	assert.Error(t, err)
	again, err := s.Load(r.ID)
	require.NoError(t, err)
	assert.Equal(t, r.Command, again.Command)
}

func TestDamagedRecordsAreNamed(t *testing.T) {
	s := open(t)
	whole := create(t, s, "whole")
	data, err := os.ReadFile(s.record(whole.ID))
	require.NoError(t, err)
	for i, damage := range [][]byte{nil, data[:len(data)/2], data, []byte("null"), {0, 0, 0}} {
		r := create(t, s, fmt.Sprintf("damaged%d", i))
		require.NoError(t, os.WriteFile(s.record(r.ID), damage, 0o600))
		list, err := s.List()
		assert.Len(t, list, 1)
		var damaged *DamagedError
		require.ErrorAs(t, err, &damaged)
		assert.Equal(t, r.ID, damaged.ID)
		assert.ErrorContains(t, err, r.ID)

		_, err = s.Find(r.Name)
		assert.ErrorAs(t, err, &damaged, "who asks for it is told")
		_, err = s.Find("whole")
		assert.NoError(t, err, "who does not is not")

		require.NoError(t, s.Remove(r.ID), "it can be removed")
		create(t, s, r.Name) // and its name is free
		require.NoError(t, s.Remove(mustFind(t, s, r.Name).ID))
	}
}

func mustFind(t *testing.T, s Store, ref string) Record {
	t.Helper()
	r, err := s.Find(ref)
	require.NoError(t, err)
	return r
}

func TestRemove(t *testing.T) {
	s := open(t)
	assert.NoError(t, s.Remove("0123456789ab"), "no store yet")
	r := create(t, s, "web")
	require.NoError(t, os.WriteFile(s.Log(r.ID), []byte("hello\n"), 0o600))
	require.NoError(t, s.Remove(r.ID))
	assert.NoError(t, s.Remove(r.ID), "twice is no error")
	_, err := s.Find("web")
	assert.ErrorIs(t, err, ErrNotFound)
	_, err = s.Update(r.ID, func(*Record) error { return nil })
	assert.ErrorIs(t, err, ErrNotFound)
	create(t, s, "web")
	for _, dir := range []string{"containers", "names"} {
		left, err := os.ReadDir(filepath.Join(s.Root, dir))
		require.NoError(t, err)
		assert.Len(t, left, 1, dir)
	}
}

// A mydocker that was killed at any point of Create or Remove leaves nothing that stays in
// the way, and nothing that cannot be found.
func TestAbandoned(t *testing.T) {
	s := open(t)
	kept := create(t, s, "kept")
	const id = "0123456789ab"
	require.NoError(t, os.Mkdir(s.Dir(id), 0o700)) // after mkdir
	require.NoError(t, os.Symlink(id, s.name("web")))
	require.NoError(t, os.Symlink("ba9876543210", s.name("ghost"))) // after a Remove by hand
	list, err := s.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	found := mustFind(t, s, id[:5])
	assert.Equal(t, "web", found.Name)
	assert.WithinDuration(t, time.Now(), found.Created, time.Minute)
	assert.JSONEq(t, "{}", string(found.Config))
	state, err := s.State(found)
	require.NoError(t, err)
	assert.Equal(t, Created, state)

	create(t, s, "web") // the name is free
	create(t, s, "ghost")
	assert.Empty(t, mustFind(t, s, id).Name)
	require.NoError(t, os.Mkdir(s.Dir(".gone-"+id), 0o700)) // in the middle of Remove
	require.NoError(t, s.Sweep())
	require.NoError(t, s.Remove(id))
	entries, err := os.ReadDir(s.Dir(""))
	require.NoError(t, err)
	assert.Len(t, entries, 3)
	mustFind(t, s, kept.ID)
}

// One that is being created is nobody else's, and not abandoned.
func TestDraft(t *testing.T) {
	s := open(t)
	for _, second := range []func(d *Draft) error{
		func(d *Draft) error { d.Config = json.RawMessage(`{"a": 1}`); return d.Save() },
		func(d *Draft) error { d.Close(); return s.Remove(d.ID) },
		func(d *Draft) error { d.Config = json.RawMessage(`{`); assert.Error(t, d.Save()); return nil },
	} {
		d, err := s.Begin(Record{Name: "busy", Command: []string{"true"}})
		require.NoError(t, err)
		_, err = s.Create(Record{Name: "busy", Command: []string{"true"}})
		assert.ErrorIs(t, err, ErrNameTaken)
		list, err := s.List()
		require.NoError(t, err)
		assert.Empty(t, list)
		_, err = s.Find(d.ID)
		assert.ErrorIs(t, err, ErrNotFound)
		require.NoError(t, s.Sweep())
		assert.DirExists(t, s.Dir(d.ID))
		require.NoError(t, second(d))
		if r, err := s.Find("busy"); err == nil {
			assert.JSONEq(t, `{"a": 1}`, string(r.Config))
			require.NoError(t, s.Remove(r.ID))
		} else {
			assert.ErrorIs(t, err, ErrNotFound)
		}
		assert.NoDirExists(t, s.Dir(d.ID))
	}
}

func TestEmpty(t *testing.T) {
	s := open(t)
	for range 2 {
		empty, err := s.Empty()
		require.NoError(t, err)
		assert.True(t, empty)
		d, err := s.Begin(Record{})
		require.NoError(t, err)
		empty, err = s.Empty()
		require.NoError(t, err)
		assert.False(t, empty)
		require.NoError(t, d.Save())
		empty, err = s.Empty()
		require.NoError(t, err)
		assert.False(t, empty)
		require.NoError(t, s.Remove(d.ID))
	}
}

// The keeper's way to write: no reading, and never into what was removed.
func TestPut(t *testing.T) {
	s := open(t)
	r := create(t, s, "web")
	code := 3
	r.ExitCode = &code
	require.NoError(t, s.Put(r))
	assert.Equal(t, 3, *mustFind(t, s, "web").ExitCode)
	require.NoError(t, s.Remove(r.ID))
	assert.ErrorIs(t, s.Put(r), ErrNotFound)
	assert.NoDirExists(t, s.Dir(r.ID))
	require.NoError(t, os.Mkdir(s.Dir(r.ID), 0o700)) // with a folder and no record
	assert.ErrorIs(t, s.Put(r), ErrNotFound)
}

func TestFind(t *testing.T) {
	s := open(t)
	for id, name := range map[string]string{"aa0000000000": "", "aa1111111111": "web", "bb0000000000": "aa"} {
		_, err := s.Create(Record{ID: id, Name: name, Command: []string{"true"}})
		require.NoError(t, err)
	}
	for ref, want := range map[string]string{
		"aa0000000000": "aa0000000000", "aa1": "aa1111111111", "web": "aa1111111111", "b": "bb0000000000",
		"aa": "bb0000000000", // a name goes before the beginning of an id
		"a":  "", "cc": "", "": "", "..": "", "../names": "", ".": "",
	} {
		r, err := s.Find(ref)
		assert.Equal(t, want, r.ID, ref)
		assert.Equal(t, want == "", err != nil, ref)
	}
}

func TestNothingFromOutsideBecomesAPath(t *testing.T) {
	s := open(t)
	create(t, s, "web")
	require.NoError(t, os.WriteFile(filepath.Join(s.Root, "record.json"), []byte("{}"), 0o600))
	for _, bad := range []string{"..", "", "../../etc", "0123456789AB", "0123456789ab/", "web"} {
		_, err := s.Load(bad)
		assert.Error(t, err, bad)
		_, err = s.Update(bad, func(*Record) error { return nil })
		assert.Error(t, err, bad)
		assert.Error(t, s.Remove(bad), bad)
	}
	for _, bad := range []Record{{Name: "../x"}, {Name: ".x"}, {Name: "a/b"}, {ID: "../../../../x"}} {
		_, err := s.Create(bad)
		assert.Error(t, err, "%+v", bad)
	}
	mustFind(t, s, "web")
}
