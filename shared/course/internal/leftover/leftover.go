// Package leftover sees what a run of the tests leaves on the machine and in the tree.
package leftover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/tree"
)

// A State is what was there before. Temporary files of the tests go to a folder of their
// own from then on (TMPDIR), so that other programs' do not count.
type State struct {
	t    tree.Tree
	tmp  string
	seen map[string][]string
}

// Look remembers the machine and the tree as they are.
func Look(ctx context.Context, t tree.Tree) (*State, error) {
	tmp, err := os.MkdirTemp("", "ct")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Setenv("TMPDIR", tmp), adoptOrphans()); err != nil {
		return nil, err
	}
	s := &State{t: t, tmp: tmp}
	s.seen, err = s.look(ctx)
	return s, err
}

// Close removes the folder of temporary files.
func (s *State) Close() error { return os.RemoveAll(s.tmp) }

func (s *State) look(ctx context.Context) (map[string][]string, error) {
	status, err := gitStatus(ctx, s.t.Root)
	if err != nil {
		return nil, err
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return map[string][]string{
		"git status":        status,
		"mount":             mounts(),
		"cgroup":            folders("/sys/fs/cgroup"),
		"network interface": names,
		"temporary file":    glob(filepath.Join(s.tmp, "*")),
		"folder of a build": append(glob(filepath.Join(s.t.Build, "*-*[0-9]")), glob(filepath.Join(s.t.Build, ".*"))...),
	}, nil
}

// Compare says what is there now and was not before.
func (s *State) Compare(ctx context.Context) error {
	now, err := s.look(ctx)
	if err != nil {
		return err
	}
	var left []string
	for kind, things := range now {
		for _, thing := range things {
			if !slices.Contains(s.seen[kind], thing) {
				left = append(left, kind+": "+thing)
			}
		}
	}
	for _, line := range s.seen["git status"] {
		if !slices.Contains(now["git status"], line) {
			left = append(left, "git status, no longer: "+line)
		}
	}
	for _, process := range patiently(orphans) {
		left = append(left, "process: "+process)
	}
	if len(left) > 0 {
		slices.Sort(left)
		return errors.New(strings.Join(left, "\n"))
	}
	return nil
}

// patiently asks until the answer is empty, for a few seconds: the end of a process that was
// killed takes a moment.
func patiently(ask func() []string) (answer []string) {
	for range 30 {
		if answer = ask(); len(answer) == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return answer
}

// gitStatus is empty where there is no git or no repository: then there is nothing to hold
// the tree against.
func gitStatus(ctx context.Context, root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	cmd := child.Command(ctx, "git", "status", "--porcelain")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git status: %w", err)
	}
	return lines(out), nil
}

// mounts are the mount points of this mount namespace; their numbers may change.
func mounts() (points []string) {
	data, _ := os.ReadFile("/proc/self/mounts")
	for _, line := range lines(data) {
		if f := strings.Fields(line); len(f) > 2 {
			points = append(points, f[1]+" ("+f[2]+")")
		}
	}
	return points
}

func folders(root string) (dirs []string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // one that is gone by now is no error
	})
	return dirs
}

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	return found
}

func lines(data []byte) (out []string) {
	for line := range bytes.Lines(data) {
		out = append(out, strings.TrimRight(string(line), "\n"))
	}
	return out
}
