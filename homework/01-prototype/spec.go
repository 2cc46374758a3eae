package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"time"
)

// A Spec is a container as it was asked for.
type Spec struct {
	Name    string
	Detach  bool
	Command []string
}

// A Container is a container as it is remembered: the record in the store. Whether it
// still runs is not in it. That is for the kernel to say, each time anew (proc.go).
type Container struct {
	ID      string    `json:"id"` // 12 hex digits
	Name    string    `json:"name"`
	Command []string  `json:"command"`
	Created time.Time `json:"created"`

	// The process, known from the moment it was started. A PID alone names no process:
	// the kernel gives it to another one later. The three together do, for ever.
	PID       int    `json:"pid,omitempty"`
	StartTime uint64 `json:"start_time,omitempty"` // field 22 of /proc/PID/stat
	BootID    string `json:"boot_id,omitempty"`    // /proc/sys/kernel/random/boot_id

	// The end, if a mydocker was still there to see it.
	Finished time.Time `json:"finished,omitzero"`
	ExitCode *int      `json:"exit_code,omitempty"`
}

// The states of a container, docker's words.
const (
	created = "created" // recorded, never started
	running = "running"
	exited  = "exited"
)

// validName keeps a name usable as a file name: no slash, no leading dot.
var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// parseRun reads the arguments of run. Flags end where the command begins: the rest,
// dashes and all, belongs to the command.
func parseRun(args []string) (Spec, error) {
	var spec Spec
	flags := newFlags("run")
	flags.BoolVar(&spec.Detach, "d", false, "")
	flags.StringVar(&spec.Name, "name", "", "")
	if err := flags.Parse(args); err != nil {
		return Spec{}, err
	}
	spec.Command = flags.Args()
	if len(spec.Command) == 0 {
		return Spec{}, errors.New("run: no command given")
	}
	if spec.Name != "" && !validName.MatchString(spec.Name) {
		return Spec{}, fmt.Errorf("run: the name %q has other characters than a-z A-Z 0-9 _ . -", spec.Name)
	}
	return spec, nil
}

// newFlags returns a flag set that leaves all printing to main.
func newFlags(command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}
