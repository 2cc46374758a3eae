// mutant: task=ps diagnosis=ps-exited also=dead
// Without -a the exited ones are listed too.

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
)

// A row is a container as ps shows it: the record, and what the kernel says of it now.
type row struct {
	Container
	State string `json:"state"`
}

// ps prints the running containers, with -a all of them, newest first.
func ps(s store, args []string, w io.Writer) error {
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

	containers, damaged := s.list() // damaged names what list could not read; the others are shown
	slices.SortFunc(containers, func(a, b Container) int { return b.Created.Compare(a.Created) })
	if *all && *quiet { // ids alone: nothing to ask the kernel
		for _, c := range containers {
			fmt.Fprintln(w, c.ID)
		}
		return damaged
	}

	rows := []row{}
	for _, c := range containers {
		state, err := c.state()
		if err != nil {
			return errors.Join(err, damaged)
		}
		rows = append(rows, row{c, state})
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

// table prints rows for people, in docker's columns and a sixth, the PID.
func table(w io.Writer, rows []row, now time.Time) error {
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tw, "CONTAINER ID\tCOMMAND\tCREATED\tSTATUS\tPID\tNAME")
	for _, r := range rows {
		pid := "-"
		if r.State == running {
			pid = fmt.Sprint(r.PID)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s ago\t%s\t%s\t%s\n", r.ID, brief(r.Command), span(now.Sub(r.Created)), r.status(now), pid, r.Name)
	}
	return tw.Flush()
}

func (r row) status(now time.Time) string {
	switch {
	case r.State == running:
		return "Up " + span(now.Sub(r.Created))
	case r.State == created:
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
