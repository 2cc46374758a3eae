package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/idmap"
	"mydocker.example/shared/network"
	"mydocker.example/shared/rootfs"
)

// A Spec is a container as it was asked for. It is kept in the container's record, inspect
// prints it, and the keeper and the container side work from it.
//
// What the OCI runtime specification (config.md, config-linux.md) names, has that name here,
// and means the same.
type Spec struct {
	Hostname string  `json:"hostname"` // "" means the container's id, as docker has it
	Process  Process `json:"process"`
	Root     Root    `json:"root"`
	Mounts   []Mount `json:"mounts,omitempty"` // -v
	Linux    Linux   `json:"linux"`

	// What it has no word for: docker's.
	Name        string         `json:"-"` // the record has it
	Detach      bool           `json:"detach,omitempty"`
	Interactive bool           `json:"interactive,omitempty"`
	AutoRemove  bool           `json:"autoRemove,omitempty"`
	Privileged  bool           `json:"privileged,omitempty"`
	NetworkMode string         `json:"networkMode"`       // bridge, none, host, container:ID
	PIDMode     string         `json:"pidMode,omitempty"` // "", host, container:ID
	Ports       []network.Port `json:"ports,omitempty"`
}

// A Process is the command.
type Process struct {
	Terminal        bool         `json:"terminal,omitempty"`
	User            User         `json:"user"`
	Args            []string     `json:"args"`
	Env             []string     `json:"env,omitempty"`
	Cwd             string       `json:"cwd"`
	Capabilities    Capabilities `json:"capabilities"`
	NoNewPrivileges bool         `json:"noNewPrivileges"`
	Rlimits         []Rlimit     `json:"rlimits,omitempty"`
}

// Capabilities are three times the same set: inheritable and ambient are empty.
type Capabilities struct {
	Bounding  []string `json:"bounding"`
	Effective []string `json:"effective"`
	Permitted []string `json:"permitted"`
}

// A Root is the root file system.
type Root struct {
	Path     string `json:"path"` // absolute
	Readonly bool   `json:"readonly,omitempty"`
}

// A Mount is a folder or a file of the host, shown at a place in the container.
type Mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"` // bind
	Source      string   `json:"source"`
	Options     []string `json:"options"`
}

// Linux is what only Linux has.
type Linux struct {
	UIDMappings []IDMapping `json:"uidMappings,omitempty"`
	GIDMappings []IDMapping `json:"gidMappings,omitempty"`
	Resources   Resources   `json:"resources"`
	CgroupsPath string      `json:"cgroupsPath,omitempty"` // "": this machine has no cgroup for it
}

// An IDMapping is a line of uid_map or gid_map.
type IDMapping struct {
	ContainerID uint32 `json:"containerID"`
	HostID      uint32 `json:"hostID"`
	Size        uint32 `json:"size"`
}

// validName keeps a name usable as a file name: no slash, no leading dot. It does for a
// hostname too. (A regular expression would be compiled at every start, process 1's, too.)
func validName(text string) bool {
	for i, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '_' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return text != ""
}

// maxHostname is the kernel's (sethostname(2), __NEW_UTS_LEN).
const maxHostname = 64

// parseRun reads the arguments of run. Whatever is wrong with them is found here, before
// anything is made.
func parseRun(args []string) (Spec, error) {
	spec := Spec{NetworkMode: defaultNetwork(), Process: Process{Cwd: "/"}}
	var add, drop []string
	flags := newFlags("run")
	flags.on(&spec.Detach, "-d --detach", "in the background; prints the id")
	flags.on(&spec.Interactive, "-i --interactive", "give it the standard input")
	flags.on(&spec.Process.Terminal, "-t --tty", "give it a terminal")
	flags.text(&spec.Name, "--name", "NAME", "how you will call it")
	flags.text(&spec.Hostname, "--hostname", "NAME", "how it calls itself (its id)")
	flags.on(&spec.AutoRemove, "--rm", "remove it when it ends")
	flags.each("-e --env", "NAME[=VALUE]", "a variable of its environment; without =VALUE, yours", func(text string) error {
		variable, err := parseEnv(text, os.LookupEnv)
		spec.Process.Env = setEnv(spec.Process.Env, variable)
		return err
	})
	flags.text(&spec.Process.Cwd, "-w --workdir", "FOLDER", "where it starts; made when missing (/)")
	flags.text(&spec.Process.User.Username, "-u --user", "USER[:GROUP]", "who it runs as: names or numbers of the container (root)")
	flags.each("-v --volume", "HOST:CONTAINER[:ro]", "show it a folder or a file of the host", func(text string) error {
		v, err := rootfs.ParseVolume(text)
		spec.Mounts = append(spec.Mounts, bindMount(v))
		return err
	})
	flags.on(&spec.Root.Readonly, "--read-only", "its / cannot be written")
	flags.text(&spec.Root.Path, "--rootfs", "FOLDER", "its /; never written to itself (a busybox)")
	limitFlags(flags, &spec.Linux.Resources)
	flags.each("--uid-map", "CONTAINER:HOST:SIZE", "a line of its user namespace's uid_map", mapping(&spec.Linux.UIDMappings))
	flags.each("--gid-map", "CONTAINER:HOST:SIZE", "and of gid_map; one of the two counts for both", mapping(&spec.Linux.GIDMappings))
	flags.list(&drop, "--drop-cap --cap-drop", "CAPABILITY", "take a capability away; ALL takes all")
	flags.list(&add, "--add-cap --cap-add", "CAPABILITY", "give it one more; ALL gives all")
	flags.on(&spec.Privileged, "--privileged", "all capabilities and devices, no filter, nothing masked: as root of this machine")
	flags.text(&spec.NetworkMode, "--net --network", "bridge|none|host|container:NAME", "its network ("+defaultNetwork()+")")
	flags.each("-p --publish", "[[IP:]HOST:]CONTAINER[/udp]", "publish a port", func(text string) error {
		port, err := network.ParsePort(text)
		spec.Ports = append(spec.Ports, port)
		return err
	})
	flags.text(&spec.PIDMode, "--pid", "host|container:NAME", "see the processes of the host, or of a container")
	rest, err := flags.parseUntil(1, args)
	if err != nil {
		return Spec{}, err
	}
	spec.Process.Args = rest
	spec.Process.NoNewPrivileges = !spec.Privileged
	if spec.Privileged {
		add = append(add, "ALL")
	}
	set, err := caps.Choose(add, drop)
	if err != nil {
		return Spec{}, fmt.Errorf("run: %w", err)
	}
	names := set.Names()
	spec.Process.Capabilities = Capabilities{names, names, names}
	if err := spec.check(); err != nil {
		return Spec{}, fmt.Errorf("run: %w", err)
	}
	return spec, nil
}

// check finds what is wrong with a Spec as such. What depends on this machine, and on who
// asks, is found in plan.
func (s *Spec) check() error {
	if len(s.Process.Args) == 0 {
		return errors.New("no command given (mydocker run --help)")
	}
	for what, name := range map[string]string{"name": s.Name, "hostname": s.Hostname} {
		if name != "" && !validName(name) {
			return fmt.Errorf("the %s %q has other characters than a-z A-Z 0-9 _ . -, or begins with one of the last three", what, name)
		}
	}
	switch {
	case len(s.Hostname) > maxHostname:
		return fmt.Errorf("a hostname has at most %d characters", maxHostname)
	case !path.IsAbs(s.Process.Cwd):
		return fmt.Errorf("the folder %q: it must begin with /", s.Process.Cwd)
	}
	return errors.Join(s.checkModes(), s.checkMaps())
}

// capabilities is the set that the names stand for, without what we may not have ourselves:
// bounding, which is not all that there is when this kernel, or this root, has less.
func (s *Spec) capabilities() (set, bounding caps.Set, err error) {
	for _, name := range s.Process.Capabilities.Bounding {
		one, err := caps.Parse(name)
		if err != nil {
			return 0, 0, err
		}
		set |= one
	}
	bounding = caps.Bounding()
	return set & bounding, bounding, nil
}

// parseEnv reads NAME=VALUE, or NAME for one that mydocker itself has; "" if it has none.
func parseEnv(text string, lookup func(string) (string, bool)) (string, error) {
	name, _, given := strings.Cut(text, "=")
	switch {
	case name == "":
		return "", fmt.Errorf("%q has no name", text)
	case strings.ContainsRune(text, 0):
		return "", fmt.Errorf("%q has a zero byte in it", text)
	case given:
		return text, nil
	}
	value, ok := lookup(name)
	if !ok {
		return "", nil
	}
	return name + "=" + value, nil
}

// setEnv adds a variable, in the place of one of the same name.
func setEnv(env []string, variable string) []string {
	if variable == "" {
		return env
	}
	name, _, _ := strings.Cut(variable, "=")
	for i, v := range env {
		if strings.HasPrefix(v, name+"=") {
			env = slices.Clone(env)
			env[i] = variable
			return env
		}
	}
	return append(env, variable)
}

// hasEnv is whether a variable is set.
func hasEnv(env []string, name string) bool {
	return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

func bindMount(v rootfs.Volume) Mount {
	access := "rw"
	if v.ReadOnly {
		access = "ro"
	}
	return Mount{Destination: v.Target, Type: "bind", Source: v.Source, Options: []string{"rbind", access}}
}

// volume is bindMount's inverse.
func (m Mount) volume() rootfs.Volume {
	return rootfs.Volume{Source: m.Source, Target: m.Destination, ReadOnly: slices.Contains(m.Options, "ro")}
}

// mapping reads lines for a map.
func mapping(to *[]IDMapping) func(string) error {
	return func(text string) error {
		l, err := idmap.ParseLine(text)
		*to = append(*to, IDMapping{l.Inside, l.Outside, l.Size})
		return err
	}
}

// ids are the maps of the user namespace; none: it has no user namespace of its own.
func (l Linux) ids() idmap.IDs {
	convert := func(lines []IDMapping) (m idmap.Map) {
		for _, line := range lines {
			m = append(m, idmap.Line{Inside: line.ContainerID, Outside: line.HostID, Size: line.Size})
		}
		return m
	}
	return idmap.IDs{UID: convert(l.UIDMappings), GID: convert(l.GIDMappings)}
}
