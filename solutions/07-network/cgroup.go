package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
)

// What lesson 04 wrote by hand is shared/cgroup now. Here is where a container's group is:
//
//	/sys/fs/cgroup/[what was delegated to us/]mydocker/ID
//
// Of an ordinary user it is below the topmost group that the user may write to, if there is
// one: systemd, or root, has delegated it (cgroups(7), "Cgroups delegation").

// groups is the folder that holds the groups of all containers. It need not be there yet.
func groups() (path string, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(cgroup.Root, &st); err != nil {
		return "", fmt.Errorf("statfs(%q): %w", cgroup.Root, err)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", fmt.Errorf("%s is not cgroup v2", cgroup.Root)
	}
	top, err := delegated()
	return filepath.Join(top, "mydocker"), err
}

// delegated is the topmost group on the way to our own in which we may make groups, and from
// which we may move processes.
func delegated() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	own, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "0::/")
	if !ok {
		return "", fmt.Errorf("/proc/self/cgroup says %q: no cgroup v2", text)
	}
	path := cgroup.Root
	for _, name := range append([]string{""}, strings.Split(own, "/")...) {
		path = filepath.Join(path, name)
		if unix.Access(path, unix.W_OK) == nil && unix.Access(path+"/cgroup.procs", unix.W_OK) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no cgroup on the way from %s to %s was delegated to user %d: %w", cgroup.Root, path, os.Geteuid(), fs.ErrPermission)
}

// handDown makes the folder of all groups, and has the controllers handed down to it. What
// is missing of those that nobody has asked for is no error.
func handDown(limits cgroup.Limits) (parent string, err error) {
	parent, err = groups()
	if err != nil {
		return "", err
	}
	files, err := limits.Files()
	if err != nil {
		return "", err
	}
	if list, err := missing(parent); err == nil && len(list) == 0 { // another mydocker has done it
		return parent, nil
	}
	for range 10 { // somebody may sweep it away meanwhile
		if err = os.Mkdir(parent, 0o755); err == nil || errors.Is(err, fs.ErrExist) {
			err = errors.Join(enable(filepath.Dir(parent), files), enable(parent, files))
		}
		if !gone(err) {
			break
		}
	}
	return parent, err
}

// missing are the controllers that a group does not hand down (cgroup.subtree_control).
func missing(dir string) (list []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	list = []string{"cpu", "memory", "pids"}
	return slices.DeleteFunc(list, func(c string) bool { return slices.Contains(strings.Fields(string(text)), c) }), err
}

// enable has a group hand down what it does not. One write for each: one that fails must not
// take the others with it.
func enable(dir string, files []cgroup.File) error {
	list, err := missing(dir)
	if err != nil {
		return err
	}
	for _, controller := range list {
		err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0)
		needed := slices.ContainsFunc(files, func(f cgroup.File) bool { return f.Controller == controller })
		if err != nil && (needed || gone(err)) {
			return fmt.Errorf("the controller %s: %w", controller, err)
		}
	}
	return nil
}

// newGroup makes a container's group in parent, which handDown has made, and sets its limits,
// while nobody is in it. parent is made anew when somebody has just swept it away.
func newGroup(parent, id string, limits cgroup.Limits) (g cgroup.Group, err error) {
	for range 10 {
		if g, err = cgroup.Create(parent, id, limits); !gone(err) {
			return g, err
		}
		if parent, err = handDown(limits); err != nil {
			return g, err
		}
	}
	return g, err
}

// groupOf is a container's group, found from its id. It need not be there.
func groupOf(id string) cgroup.Group {
	parent, err := groups()
	if err != nil || !isID(id) { // without an id it would be the group of all
		return cgroup.Group{Path: "/nonexistent"} // no group anywhere: every file of it is ENOENT
	}
	return cgroup.Group{Path: filepath.Join(parent, id)}
}

// patience is how long the kernel is given for what it does at once on a machine that is
// not busy.
const patience = time.Minute

// removeGroup ends whoever is left in a container's group and removes it.
func removeGroup(g cgroup.Group) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := g.Remove(ctx)
	if gone(err) {
		return nil
	}
	return err
}

// sweepGroups removes the folder of all groups if there is none in it (rmdir(2) asks that).
func sweepGroups() {
	if parent, err := groups(); err == nil {
		unix.Rmdir(parent)
	}
}

// freeze stops everybody in a container's group, or lets them go on.
func freeze(id string, frozen bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return groupOf(id).Freeze(ctx, frozen)
}

// killGroup sends SIGKILL to everybody in a container's group.
func killGroup(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return groupOf(id).Kill(ctx)
}

// outOfMemory tells whether the kernel has killed somebody in the group for want of memory.
// wait(2) says SIGKILL, and that is all that it says.
func outOfMemory(id string, r Resources) error {
	stats, err := groupOf(id).Stats()
	if gone(err) {
		return nil
	}
	if err != nil || stats.OOMKill == 0 {
		return err
	}
	limit := "the machine's"
	if r.Memory != nil {
		limit = strings.TrimSuffix(size(r.Memory.Limit), "iB")
	}
	return fmt.Errorf("container %s killed: out of memory (limit %s), see memory.events: oom_kill %d", id, limit, stats.OOMKill)
}

// memoryMax is the limit as it stands in the group; math.MaxInt64: none.
func memoryMax(g cgroup.Group) int64 {
	text, err := os.ReadFile(filepath.Join(g.Path, "memory.max"))
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil { // max
		return math.MaxInt64
	}
	return n
}

// frozen: was the group told to stop?
func frozen(id string) bool {
	text, err := os.ReadFile(filepath.Join(groupOf(id).Path, "cgroup.freeze"))
	return err == nil && strings.TrimSpace(string(text)) == "1"
}
