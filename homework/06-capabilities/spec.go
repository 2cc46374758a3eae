package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/idmap"
	"mydocker.example/shared/rootfs"
)

// A Spec is a container as it was asked for. What the keeper and the container side need
// of it is kept in the container's record and goes to them as JSON.
type Spec struct {
	Name     string          `json:"-"`
	Detach   bool            `json:"detach,omitempty"`
	Hostname string          `json:"hostname,omitempty"` // "" means the container's id, as docker has it
	Rootfs   string          `json:"rootfs"`             // absolute
	ReadOnly bool            `json:"read_only,omitempty"`
	Volumes  []rootfs.Volume `json:"volumes,omitempty"`
	Limits   cgroup.Limits   `json:"limits,omitzero"`
	Groups   string          `json:"groups,omitempty"`  // the folder its cgroup is made in; "": it has none
	UIDMap   idmap.Map       `json:"uid_map,omitempty"` // none: no user namespace
	GIDMap   idmap.Map       `json:"gid_map,omitempty"`
	Caps     CapSet          `json:"caps"`            // what root of the container keeps
	Lower    string          `json:"lower,omitempty"` // how the child gets to its rootfs: "" by the path
	Dir      string          `json:"-"`               // the container's folder on the host
	Command  []string        `json:"command"`
}

// validName keeps a name usable as a file name: no slash, no leading dot. It does for a
// hostname too.
var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// parseRun reads the arguments of run. Flags end where the command begins: the rest,
// dashes and all, belongs to the command.
func parseRun(args []string) (Spec, error) {
	var spec Spec
	flags := newFlags("run")
	flags.BoolVar(&spec.Detach, "d", false, "")
	flags.StringVar(&spec.Name, "name", "", "")
	flags.StringVar(&spec.Hostname, "hostname", "", "")
	flags.StringVar(&spec.Rootfs, "rootfs", "", "")
	flags.BoolVar(&spec.ReadOnly, "read-only", false, "")
	flags.Func("v", "", func(text string) error {
		v, err := rootfs.ParseVolume(text)
		spec.Volumes = append(spec.Volumes, v)
		return err
	})
	for name, lines := range map[string]*idmap.Map{"uid-map": &spec.UIDMap, "gid-map": &spec.GIDMap} {
		flags.Func(name, "", func(text string) error {
			l, err := idmap.ParseLine(text)
			*lines = append(*lines, l)
			return err
		})
	}
	var add, drop []string
	for _, names := range []struct {
		flags []string // the second is docker's
		to    *[]string
	}{{[]string{"drop-cap", "cap-drop"}, &drop}, {[]string{"add-cap", "cap-add"}, &add}} {
		for _, name := range names.flags {
			flags.Func(name, "", func(word string) error {
				_, err := parseCap(word)
				*names.to = append(*names.to, word)
				return err
			})
		}
	}
	for _, limit := range []struct {
		names []string // the second is docker's
		parse func(string) (int64, error)
		to    *int64
	}{
		{[]string{"memory"}, parseMemory, &spec.Limits.MemoryMax},
		{[]string{"cpu", "cpus"}, parseCPU, &spec.Limits.CPUQuota},
		{[]string{"pids", "pids-limit"}, parsePids, &spec.Limits.PidsMax},
	} {
		for _, name := range limit.names {
			flags.Func(name, "", func(text string) (err error) {
				*limit.to, err = limit.parse(text)
				return err
			})
		}
	}
	if err := flags.Parse(args); err != nil {
		return Spec{}, err
	}
	caps, err := chooseCaps(add, drop)
	if err != nil {
		return Spec{}, fmt.Errorf("run: %w", err)
	}
	spec.Caps = caps
	spec.Command = flags.Args()
	if len(spec.Command) == 0 {
		return Spec{}, errors.New("run: no command given")
	}
	for what, name := range map[string]string{"name": spec.Name, "hostname": spec.Hostname} {
		if name != "" && !validName.MatchString(name) {
			return Spec{}, fmt.Errorf("run: the %s %q has other characters than a-z A-Z 0-9 _ . -", what, name)
		}
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
