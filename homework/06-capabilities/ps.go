package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mydocker.example/shared/store"
)

// A row is a container as ps shows it: the record, and what the kernel says of it now.
type row struct {
	store.Record
	State store.State `json:"state"`
	PIDs  []PID       `json:"pids"` // of every process that runs in it
}

// ps prints the running containers, with -a all of them, newest first.
func ps(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("ps")
	all := flags.Bool("a", false, "")
	quiet := flags.Bool("q", false, "")
	asJSON := flags.Bool("json", false, "")
	flags.BoolFunc("aq", "", func(string) error { // package flag joins no letters: docker ps -aq
		*all, *quiet = true, true
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("ps: %q: no argument expected", flags.Arg(0))
	}

	containers, damaged := s.List() // damaged names what List could not read; the others are shown
	slices.SortFunc(containers, func(a, b store.Record) int { return b.Created.Compare(a.Created) })
	if *all && *quiet { // ids alone: nothing to ask the kernel
		for _, c := range containers {
			fmt.Fprintln(w, c.ID)
		}
		return damaged
	}

	rows := []row{}
	for _, c := range containers {
		r, err := look(s, c)
		if err != nil {
			return errors.Join(err, damaged)
		}
		if *all || r.lives() {
			rows = append(rows, r)
		}
	}
	switch {
	case *quiet:
		for _, r := range rows {
			fmt.Fprintln(w, r.ID)
		}
	case *asJSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return errors.Join(enc.Encode(rows), damaged)
	default:
		return errors.Join(table(w, rows, time.Now()), damaged)
	}
	return damaged
}

// look asks the kernel how it stands with a container, and which processes it has.
func look(s store.Store, c store.Record) (row, error) {
	state, err := stateOf(s, c)
	if r := (row{c, state, []PID{}}); err != nil || !r.lives() {
		return r, err
	}
	found, err := pids(c.PID)
	if gone(err) { // process 1 has ended since we asked
		return row{c, store.Exited, []PID{}}, nil
	}
	return row{c, state, found}, err
}

// table prints rows for people, in docker's columns and a sixth, the PIDs: inside→outside.
func table(w io.Writer, rows []row, now time.Time) error {
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tw, "CONTAINER ID\tCOMMAND\tCREATED\tSTATUS\tPIDS\tNAME")
	for _, r := range rows {
		pids := "-"
		if r.lives() {
			pids = join(r.PIDs)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s ago\t%s\t%s\t%s\n", r.ID, brief(r.Command), span(now.Sub(r.Created)), r.status(now), pids, r.Name)
	}
	return tw.Flush()
}

func (r row) lives() bool { return r.State == store.Running || r.State == Paused }

func (r row) status(now time.Time) string {
	switch {
	case r.State == store.Running:
		return "Up " + span(now.Sub(r.Created))
	case r.State == Paused:
		return "Up " + span(now.Sub(r.Created)) + " (Paused)"
	case r.State == store.Created:
		return "Created"
	case r.ExitCode == nil: // it died with its mydocker: nobody was left to wait(2) for it
		return "Exited (?)"
	default:
		return fmt.Sprintf("Exited (%d) %s ago", *r.ExitCode, span(now.Sub(r.Finished)))
	}
}

// brief quotes a command, cut to 20 characters as docker does.
func brief(command []string) string {
	line := []rune(strings.Join(command, " "))
	if len(line) > 20 {
		line = append(line[:19], '…')
	}
	return fmt.Sprintf("%q", string(line))
}

// span rounds a duration down to one unit: "1 second", "3 minutes".
func span(d time.Duration) string {
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{
		{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second},
	} {
		switch n := d / unit.length; {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a second"
}
