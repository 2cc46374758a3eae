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

	spec Spec
}

// ps prints the running containers, with -a all of them, newest first.
func ps(s store.Store, args []string, w io.Writer) error {
	flags := newFlags("ps")
	var all, quiet, asJSON, whole bool
	flags.on(&all, "-a --all", "those that have ended, too")
	flags.on(&quiet, "-q --quiet", "ids alone")
	flags.on(&asJSON, "--json", "as JSON")
	flags.on(&whole, "--no-trunc", "commands in full")
	rest, err := flags.parse(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("ps: %q: no argument expected", rest[0])
	}

	containers, damaged := s.List() // damaged names what List could not read; the others are shown
	slices.SortFunc(containers, func(a, b store.Record) int { return b.Created.Compare(a.Created) })
	if all && quiet { // ids alone: nothing to ask the kernel
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
		if all || r.lives() {
			rows = append(rows, r)
		}
	}
	switch {
	case quiet:
		for _, r := range rows {
			fmt.Fprintln(w, r.ID)
		}
	case asJSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return errors.Join(enc.Encode(rows), damaged)
	default:
		return errors.Join(table(w, rows, whole, time.Now()), damaged)
	}
	return damaged
}

// look asks the kernel how it stands with a container, and which processes it has.
func look(s store.Store, c store.Record) (r row, err error) {
	r = row{Record: c, PIDs: []PID{}}
	if err := json.Unmarshal(c.Config, &r.spec); err != nil {
		return r, fmt.Errorf("the record of container %s: config: %w", c.ID, err)
	}
	if r.State, err = stateOf(s, c); err != nil || !r.lives() {
		return r, err
	}
	found, err := pids(c.ID, c.PID)
	if gone(err) { // process 1 has ended since we asked
		r.State = store.Exited
		return r, nil
	}
	r.PIDs = found
	return r, err
}

// table prints rows for people, in docker's columns and one more, the PIDs: inside→outside.
func table(w io.Writer, rows []row, whole bool, now time.Time) error {
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tw, "CONTAINER ID\tCOMMAND\tCREATED\tSTATUS\tPORTS\tPIDS\tNAME")
	for _, r := range rows {
		pids, ports := "-", ""
		if r.lives() {
			pids, ports = arrows(r.PIDs), portList(r.spec)
		}
		command := brief(r.Command)
		if whole {
			command = fmt.Sprintf("%q", strings.Join(r.Command, " "))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s ago\t%s\t%s\t%s\t%s\n", r.ID, command, span(now.Sub(r.Created)), r.status(now), ports, pids, r.Name)
	}
	return tw.Flush()
}

func portList(spec Spec) string {
	var list []string
	for _, p := range spec.Ports {
		list = append(list, p.String())
	}
	return strings.Join(list, ", ")
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
