package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/undo"
)

// Root is where cgroup v2 is mounted, unless a caller knows better.
const Root = "/sys/fs/cgroup"

// A Group is the folder of a cgroup.
type Group struct{ Path string }

// Create makes a group with its limits, or nothing. parent hands the controllers down that
// the limits need: it must hold no processes (cgroups(7), "no internal processes").
func Create(parent, name string, limits Limits) (g Group, err error) {
	files, err := limits.Files()
	if err != nil {
		return Group{}, err
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\n") {
		return Group{}, fmt.Errorf("cgroup: %q is no name for a group", name)
	}
	for _, f := range files {
		if err := handDown(parent, f.Controller); err != nil {
			return Group{}, err
		}
	}
	var u undo.Stack
	defer func() {
		if err != nil {
			err = errors.Join(err, u.Run())
		}
	}()
	path := filepath.Join(parent, name)
	g = Group{path}
	if err := os.Mkdir(g.Path, 0o755); err != nil {
		return Group{}, err
	}
	u.Push(func() error { return unix.Rmdir(path) }) // not g.Path: g is what is returned
	for _, f := range files {
		err := g.write(f.Name, f.Value)
		if errors.Is(err, os.ErrNotExist) && f.Name == "memory.swap.max" && limits.MemorySwapMax == NoSwap {
			continue // a kernel that was built without swap: there is none
		}
		if err != nil {
			return Group{}, err
		}
	}
	u.Release()
	return g, nil
}

// handDown enables a controller for the children of a group. Above it, somebody else rules.
func handDown(parent, controller string) error {
	p := Group{parent}
	enabled, err := p.read("cgroup.subtree_control")
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(enabled), controller) {
		return nil
	}
	has, err := p.read("cgroup.controllers")
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(has), controller) {
		return fmt.Errorf("cgroup: %s has no controller %s (it has: %s): the limit cannot be set", parent, controller, has)
	}
	return p.write("cgroup.subtree_control", "+"+controller)
}

// Dir opens the folder: the descriptor is for SysProcAttr.CgroupFD, that is CLONE_INTO_CGROUP
// of clone3(2), and is the caller's to close.
func (g Group) Dir() (*os.File, error) { return os.Open(g.Path) }

// Add moves a process into the group. What it holds and whom it has started stay outside:
// prefer Dir.
func (g Group) Add(pid int) error { return g.write("cgroup.procs", strconv.Itoa(pid)) }

// Procs lists the processes of this group, not of those below.
func (g Group) Procs() ([]int, error) {
	text, err := g.read("cgroup.procs")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(text) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("cgroup: %s/cgroup.procs: %w", g.Path, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// Freeze stops or thaws everybody in the group, and returns when it is so.
func (g Group) Freeze(ctx context.Context, frozen bool) error {
	value := "0"
	if frozen {
		value = "1"
	}
	if err := g.write("cgroup.freeze", value); err != nil {
		return err
	}
	return g.await(ctx, "frozen", value)
}

// Kill sends SIGKILL to everybody in the group and below, and returns when nobody is left.
func (g Group) Kill(ctx context.Context) error {
	if err := g.write("cgroup.kill", "1"); err != nil {
		return err
	}
	return g.await(ctx, "populated", "0")
}

// Remove kills whoever is left and removes the group with those below. A group that is not
// there is removed.
func (g Group) Remove(ctx context.Context) error {
	// As a rule there is nobody, and one call is enough: it refuses whatever lives (cgroups(7)).
	if err := unix.Rmdir(g.Path); err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	err := g.Kill(ctx)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) { // ENODEV: it went after the open(2)
		if _, err := os.Stat(g.Path); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return remove(ctx, g.Path)
}

// remove goes from the leaves up: a group that has children cannot be removed.
func remove(ctx context.Context, path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := remove(ctx, filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
	}
	for {
		// EBUSY: a process that is dying is in the group for a moment longer than cgroup.events says.
		err := unix.Rmdir(path)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("rmdir(%q): %w", path, err)
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("rmdir(%q): %w: %w", path, unix.EBUSY, err)
		}
	}
}

// await waits for a value in cgroup.events.
func (g Group) await(ctx context.Context, key, want string) error {
	for {
		got, err := g.field("cgroup.events", key)
		if err != nil {
			return err
		}
		if strconv.FormatInt(got, 10) == want {
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("cgroup: %s is not %s %s: %w", g.Path, key, want, err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Millisecond):
		return nil
	}
}

// write is one write(2) to a file that the kernel has made.
func (g Group) write(name, value string) error {
	path := filepath.Join(g.Path, name)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("write(%q, %q): %w", path, value, errors.Unwrap(err))
	}
	return nil
}

func (g Group) read(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(g.Path, name))
	return strings.TrimSpace(string(text)), err
}
