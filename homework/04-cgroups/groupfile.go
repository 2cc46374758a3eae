package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// The files of a group: the kernel makes them with the folder, and all that there is to ask
// or to set is in one of them.

// set writes one file of the group. One write(2) is one request; the answer is its errno.
func (g group) set(name, value string) error {
	path := string(g) + "/" + name
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // no O_CREATE: the kernel makes these files
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("write(%q, %q): %w", path, value, errors.Unwrap(err))
	}
	return nil
}

// get reads one file of the group.
func (g group) get(name string) (string, error) {
	text, err := os.ReadFile(string(g) + "/" + name)
	return strings.TrimSpace(string(text)), err
}

// field reads one line of a file of "name value" lines: memory.events, cpu.stat.
func (g group) field(file, name string) (int64, error) {
	text, err := g.get(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == name {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("%s/%s has no line %s", g, file, name)
}

// number reads a file that holds a number, or max.
func (g group) number(name string) (int64, error) {
	text, err := g.get(name)
	if err != nil {
		return 0, err
	}
	if text == "max" {
		return math.MaxInt64, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

// How long the kernel is given for what it does at once on a machine that is not busy, and
// how often it is asked.
const (
	patience = time.Minute
	pace     = 5 * time.Millisecond
)

// await waits for a value in cgroup.events.
func (g group) await(name, want string) error {
	for end := time.Now().Add(patience); ; time.Sleep(pace) {
		got, err := g.field("cgroup.events", name)
		if err != nil {
			return err
		}
		if strconv.FormatInt(got, 10) == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s/cgroup.events: %s is not %s after %v", g, name, want, patience)
		}
	}
}
