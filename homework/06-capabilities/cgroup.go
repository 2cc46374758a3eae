package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/cgroup"
	"mydocker.example/shared/store"
)

// What lesson 04 wrote by hand is shared/cgroup now. Here is whose group is where: root's
// containers have theirs below the top of the tree, and those of an ordinary user in what
// the host has delegated to it.

// patience is for what the kernel does at once on a machine that is not busy.
const patience = time.Minute

// groupsFolder finds the folder for the groups of our containers, and hands the controllers
// down to it. It runs before anything of a container is made: a limit that cannot be had is
// refused there. What nobody has asked for may be missing.
func groupsFolder(limits cgroup.Limits) (string, error) {
	top, err := delegated()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(top, "mydocker")
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	wanted, err := limits.Files()
	if err != nil {
		return "", err
	}
	for _, dir := range []string{top, folder} {
		for _, controller := range []string{"cpu", "memory", "pids"} {
			// Each by itself: one that fails must not take the others with it.
			err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+controller), 0)
			for _, f := range wanted {
				if err != nil && f.Controller == controller {
					return "", fmt.Errorf("%s: %w", f.Name, err)
				}
			}
		}
	}
	return folder, nil
}

// delegated is the highest group that is ours: for root that of the machine. An ordinary
// user's is above the group it is in, as long as it may write there (cgroups(7), "Delegation").
func delegated() (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(cgroup.Root, &st); err != nil {
		return "", fmt.Errorf("statfs(%q): %w", cgroup.Root, err)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", fmt.Errorf("%s is not cgroup v2", cgroup.Root)
	}
	if os.Geteuid() == 0 {
		return cgroup.Root, nil
	}
	own, err := ownGroup()
	if err != nil {
		return "", err
	}
	found := ""
	for path := own; path != "/" && path != "."; path = filepath.Dir(path) {
		if unix.Access(filepath.Join(cgroup.Root, path, "cgroup.procs"), unix.W_OK) != nil {
			break
		}
		found = path
	}
	if found == "" {
		return "", fmt.Errorf("the cgroup %s is not delegated to user %d: who may not write there cannot set limits", own, os.Geteuid())
	}
	return filepath.Join(cgroup.Root, found), nil
}

// ownGroup is the group we are in: the line 0:: of /proc/self/cgroup.
func ownGroup() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path, nil
		}
	}
	return "", errors.New("/proc/self/cgroup has no line 0::, so this is not cgroup v2")
}

// groupOf is a container's group. Its folder is in the record; if there is no record, it is
// where it would be made now.
func groupOf(r store.Record) (cgroup.Group, error) {
	if !isID.MatchString(r.ID) { // without it this would be the group of all of them
		return cgroup.Group{}, fmt.Errorf("%q is not an id", r.ID)
	}
	var spec Spec
	if json.Unmarshal(r.Config, &spec) != nil || spec.Groups == "" {
		top, err := delegated()
		if err != nil {
			return cgroup.Group{}, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		}
		spec.Groups = filepath.Join(top, "mydocker")
	}
	return cgroup.Group{Path: filepath.Join(spec.Groups, r.ID)}, nil
}

// newGroup makes a container's group and sets its limits, while nobody is in it.
func newGroup(folder, id string, limits cgroup.Limits) (cgroup.Group, error) {
	if limits.MemoryMax != 0 { // else what is over the limit would be put on the disk
		limits.MemorySwapMax = cgroup.NoSwap
	}
	return cgroup.Create(folder, id, limits)
}

// birth has the child born in the group, and the root of a cgroup namespace there.
func birth(g cgroup.Group, child *syscall.SysProcAttr) (folder *os.File, err error) {
	folder, err = g.Dir()
	if err != nil {
		return nil, err
	}
	child.UseCgroupFD, child.CgroupFD = true, int(folder.Fd())
	child.Unshareflags |= unix.CLONE_NEWCGROUP
	return folder, nil
}

// outOfMemory tells whether the kernel has killed somebody in the group for want of memory.
func outOfMemory(g cgroup.Group, id string, limits cgroup.Limits) error {
	stats, err := g.Stats()
	if err != nil || stats.OOMKill == 0 {
		return err
	}
	limit := "max"
	if limits.MemoryMax != 0 {
		limit = strings.TrimSuffix(size(limits.MemoryMax), "iB")
	}
	return fmt.Errorf("container %s killed: out of memory (limit %s), see memory.events: oom_kill %d", id, limit, stats.OOMKill)
}

// bounded calls what waits for the kernel, for as long as our patience lasts.
func bounded(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return do(ctx)
}

func freeze(g cgroup.Group, frozen bool) error {
	return bounded(func(ctx context.Context) error { return g.Freeze(ctx, frozen) })
}

// size writes bytes as docker does: 50MiB.
func size(n int64) string {
	value, unit := float64(n), 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return strconv.FormatFloat(value, 'g', 4, 64) + []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}
