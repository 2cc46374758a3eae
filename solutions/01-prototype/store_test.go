package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// What is saved is what is loaded, by another mydocker too.
func TestRecordRoundTrip(t *testing.T) {
	s := store{root: t.TempDir()}
	c, err := s.create(Spec{Name: "web", Command: []string{"sh", "-c", "echo \"a\nb\""}})
	if err != nil {
		t.Fatal(err)
	}
	code := 137
	c.PID, c.StartTime, c.BootID, c.ExitCode = 42, 4711, "a boot", &code
	c.Created, c.Finished = c.Created.Round(0), time.Now().Round(0) // JSON carries no monotonic clock
	if err := s.save(c); err != nil {
		t.Fatal(err)
	}
	got, err := store{root: s.root}.load(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	got.Created, got.Finished = got.Created.Local(), got.Finished.Local()
	if !reflect.DeepEqual(got, c) {
		t.Errorf("saved %+v\nloaded %+v", c, got)
	}
}

func TestNameIsTakenOnce(t *testing.T) {
	s := store{root: t.TempDir()}
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := s.create(Spec{Name: "web", Command: []string{"true"}})
			errs <- err
		}()
	}
	won := 0
	for range 8 {
		if err := <-errs; err == nil {
			won++
		} else if !strings.Contains(err.Error(), `"web" is taken by`) {
			t.Error(err)
		}
	}
	all, err := s.list()
	if won != 1 || len(all) != 1 || err != nil {
		t.Errorf("%d of 8 got the name, %d containers: %v", won, len(all), err)
	}
}

// A reader never sees half of a record, however often it is rewritten.
func TestReadersBesideAWriter(t *testing.T) {
	s := store{root: t.TempDir()}
	c, err := s.create(Spec{Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				if all, err := s.list(); len(all) != 1 || err != nil {
					t.Errorf("%d containers: %v", len(all), err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 500 {
		c.Command = []string{strings.Repeat("x", i*10+1)}
		if err := s.save(c); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
	if left, _ := filepath.Glob(filepath.Join(s.dir(c.ID), "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A damaged record is named and does not hide the others.
func TestDamagedRecords(t *testing.T) {
	s := store{root: t.TempDir()}
	var ids []string
	for range 5 {
		c, err := s.create(Spec{Command: []string{"true"}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	whole, err := os.ReadFile(s.record(ids[0]))
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{ids[1]: whole[:len(whole)/2], ids[2]: nil, ids[3]: whole}
	for id, data := range damage {
		if err := os.WriteFile(s.record(id), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.record(ids[4])); err != nil { // between mkdir and rename: no container yet
		t.Fatal(err)
	}
	all, damaged := s.list()
	if len(all) != 1 || all[0].ID != ids[0] {
		t.Errorf("read: %v", all)
	}
	for id := range damage {
		if !strings.Contains(fmt.Sprint(damaged), id) {
			t.Errorf("%s is not named in: %v", id, damaged)
		}
	}
	if strings.Contains(fmt.Sprint(damaged), ids[4]) {
		t.Errorf("a container that is being created is not damaged: %v", damaged)
	}
}

func TestEmptyStore(t *testing.T) {
	s := store{root: filepath.Join(t.TempDir(), "not", "there")}
	if all, err := s.list(); len(all) != 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}

func TestFind(t *testing.T) {
	s := store{root: t.TempDir()}
	for _, c := range []Container{{ID: "aa0000000000"}, {ID: "aa1111111111", Name: "web"}, {ID: "bb0000000000", Name: "aa"}} {
		c.Command = []string{"true"}
		if err := os.MkdirAll(s.dir(c.ID), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := s.save(c); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[string]string{
		"aa0000000000": "aa0000000000", "aa1": "aa1111111111", "web": "aa1111111111", "b": "bb0000000000",
		"aa": "bb0000000000", // a name goes before the beginning of an id
		"a":  "", "cc": "", "": "",
	} {
		got, err := s.find(ref)
		if got.ID != want || (err == nil) != (want != "") {
			t.Errorf("find(%q) = %q, %v, want %q", ref, got.ID, err, want)
		}
	}
}
