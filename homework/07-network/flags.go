package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Package flag joins no letters (-it) and has no second name for a flag; docker's users have
// both in their fingers. So mydocker reads its flags itself, and what --help prints is made
// from the same table.

// A flagRow is one flag with all its names.
type flagRow struct {
	names []string // "-d", "--detach"
	value string   // what --help calls its value; "" for a switch
	about string
	set   func(text string) error
}

// A flagSet is the flags of one command.
type flagSet struct {
	command string
	rows    []flagRow
}

func newFlags(command string) *flagSet { return &flagSet{command: command} }

// each defines a flag that calls take for each time that it is given.
func (f *flagSet) each(names, value, about string, take func(text string) error) {
	f.rows = append(f.rows, flagRow{strings.Fields(names), value, about, take})
}

// on defines a switch.
func (f *flagSet) on(to *bool, names, about string) {
	f.each(names, "", about, func(text string) (err error) {
		*to, err = strconv.ParseBool(text)
		return err
	})
}

// text defines a flag with a value.
func (f *flagSet) text(to *string, names, value, about string) {
	f.each(names, value, about, func(text string) error { *to = text; return nil })
}

// list defines a flag that may be given many times.
func (f *flagSet) list(to *[]string, names, value, about string) {
	f.each(names, value, about, func(text string) error { *to = append(*to, text); return nil })
}

// number defines a flag whose value is a number from 0 up.
func (f *flagSet) number(to *uint, names, value, about string) {
	f.each(names, value, about, func(text string) error {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fmt.Errorf("%q is not a number from 0 to %d", text, 1<<31-1)
		}
		*to = uint(n)
		return nil
	})
}

// A helpWanted is what parse returns for --help.
type helpWanted struct{ text string }

func (*helpWanted) Error() string { return "help" }

// parse reads flags and returns what else there is. Everywhere in the line:
func (f *flagSet) parse(args []string) (rest []string, err error) {
	for len(args) > 0 {
		if args[0] == "--" {
			return append(rest, args[1:]...), nil
		}
		if !isFlag(args[0]) {
			rest, args = append(rest, args[0]), args[1:]
			continue
		}
		if args, err = f.take(args); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// parseUntil stops at the n-th word that is no flag: what follows it, dashes and all, belongs
// to the container's command.
func (f *flagSet) parseUntil(n int, args []string) (rest []string, err error) {
	for len(args) > 0 {
		if args[0] == "--" {
			return append(rest, args[1:]...), nil
		}
		if !isFlag(args[0]) {
			if rest, args = append(rest, args[0]), args[1:]; len(rest) == n {
				return append(rest, args...), nil
			}
			continue
		}
		if args, err = f.take(args); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// take sets what the first argument says, and returns what is left of the line.
func (f *flagSet) take(args []string) (left []string, err error) {
	arg, args := args[0], args[1:]
	if arg == "--help" || arg == "-h" && f.row("-h") == nil {
		return nil, &helpWanted{f.help()}
	}
	if name, value, given := strings.Cut(arg, "="); strings.HasPrefix(arg, "--") {
		return f.set(name, value, given, args)
	}
	// Letters: switches, of which the last may be a flag with a value: -dit, -p80:80, -n 5.
	for letters := arg[1:]; ; {
		name := "-" + letters[:1]
		letters = letters[1:]
		row := f.row(name)
		if row != nil && row.value == "" && letters != "" && letters[0] != '=' {
			if _, err := f.set(name, "", false, nil); err != nil {
				return nil, err
			}
			continue
		}
		if row == nil && len(arg) > 2 {
			return nil, fmt.Errorf("%s: unknown flag %s in %s (mydocker %s --help)", f.command, name, arg, f.command)
		}
		return f.set(name, strings.TrimPrefix(letters, "="), letters != "", args)
	}
}

// set sets one flag; its value, where none is given, is the next argument.
func (f *flagSet) set(name, value string, given bool, args []string) (left []string, err error) {
	row := f.row(name)
	switch {
	case row == nil:
		return nil, fmt.Errorf("%s: unknown flag %s (mydocker %s --help)", f.command, name, f.command)
	case given:
	case row.value == "":
		value = "true"
	case len(args) == 0:
		return nil, fmt.Errorf("%s: %s needs a value, %s", f.command, name, row.value)
	default:
		value, args = args[0], args[1:]
	}
	if err := row.set(value); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.command, name, err)
	}
	return args, nil
}

func (f *flagSet) row(name string) *flagRow {
	for i := range f.rows {
		if slices.Contains(f.rows[i].names, name) {
			return &f.rows[i]
		}
	}
	return nil
}

// help is the page of one command.
func (f *flagSet) help() string {
	var b strings.Builder
	c := commandNamed(f.command)
	fmt.Fprintf(&b, "usage: mydocker %s %s\n\n%s\n", c.name, c.args, strings.TrimSpace(c.about+"\n"+c.more))
	if len(f.rows) > 0 {
		b.WriteString("\n")
	}
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range f.rows {
		fmt.Fprintf(tw, "  %s\t%s\n", strings.TrimSpace(strings.Join(row.names, ", ")+" "+row.value), row.about)
	}
	tw.Flush()
	return b.String()
}
