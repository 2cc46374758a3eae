package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	str "strings"
	"time"
)

// A record is what is known.
type record struct{ ID string }

type grid [2]int

// load reads a record.
func load(id string) (record, error) {
	// homework: store
	// TODO: read the file and say what is wrong with it.
	// A damaged one is no reason to stop.
	//
	// See proof 1.2.
	data, err := os.ReadFile(id)
	if err != nil {
		return record{}, err
	}
	var r record
	// a word that only the solution has
	return r, json.Unmarshal(data, &r)
	// end
}

// all has one of each.
func all() (r *record, g grid, d time.Duration, w io.Writer, c context.Context, err error) {
	// homework: kinds
	return nil, grid{}, time.Second, os.Stdout, context.Background(), errors.New(str.ToUpper("x"))
	// end
}

// each has a hole in a literal, and one branch of two.
func each(names []string) error {
	f := func(name string) (string, error) {
		// homework: each
		return fmt.Sprint(name), nil
		// end
	}
	for _, name := range names {
		if name == "" {
			// homework: each
			// TODO: refuse it.
			return fmt.Errorf("empty")
			// end
		}
		if _, err := f(name); err != nil {
			return err
		}
	}
	return nil
}

// late has prepared something for the hole.
func late(name string) error {
	upper, path := str.ToUpper(name), "p"+name
	n, err := fmt.Sscan(upper)
	if err != nil {
		return err
	}
	// homework: each
	n = len(path)
	fmt.Println(path, n)
	return nil
	// end
}

// homework: store
// TODO: you may want a helper.

// helper is for the solution alone.
func helper() {}

// end
