package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/vm"
)

// offline packs this tree into a bundle and unpacks it where nothing of the course is, neither
// its cache nor a Go module, and no network. Only the go command's build cache is shared, which
// holds nothing that could not be compiled again: without it the check would take a minute more.
func (s *suite) offline(ctx context.Context) []check {
	probe := child.Command(ctx, "true")
	child.Offline(probe)
	if probe.Run() == nil {
		return []check{{"a new machine without a network", func(ctx context.Context) error { return s.newMachine(ctx, true) }}}
	}
	return []check{{"a new machine whose proxies do not answer (no network namespace can be made here)", func(ctx context.Context) error { return s.newMachine(ctx, false) }}}
}

// what a new machine does: in this order a later line needs the earlier.
const newMachineScript = `set -e
tar -xzf "$BUNDLE" unpack
sh unpack "$BUNDLE"
cd mydocker-course
make lesson-01 ONLY=orphan
make check-01 SUBMISSION=solutions/01-prototype
make vm CMD=true
`

func (s *suite) newMachine(ctx context.Context, namespace bool) error {
	desk, err := os.MkdirTemp("", "offline-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(desk)
	bundle := filepath.Join(desk, "bundle.tar.gz")
	if err := s.bundleOf(ctx, filepath.Join(desk, "author"), bundle); err != nil {
		return err
	}
	env, err := s.newMachineEnv(ctx, desk)
	if err != nil {
		return err
	}
	cmd := child.Command(ctx, "sh", "-c", newMachineScript)
	cmd.Dir = filepath.Join(desk, "student")
	if err := os.Mkdir(cmd.Dir, 0o755); err != nil {
		return err
	}
	cmd.Env = append(env, "BUNDLE="+bundle)
	if namespace {
		child.Offline(cmd)
	} else {
		for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"} {
			cmd.Env = append(cmd.Env, name+"=http://127.0.0.1:9") // discard: nobody listens
		}
	}
	return silent(cmd)
}

// newMachineEnv is an environment in which this course and its caches are not known.
func (s *suite) newMachineEnv(ctx context.Context, desk string) ([]string, error) {
	im, err := lab.Image(ctx, s.t)
	if err != nil {
		return nil, err
	}
	accel, err := vm.Accelerator(ctx, im)
	if err != nil {
		return nil, err
	}
	built, err := child.Command(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOCACHE: %w", err)
	}
	var env []string
	for _, line := range os.Environ() {
		if !strings.HasPrefix(line, "COURSE_") && !strings.HasPrefix(line, "MAKE") && !strings.HasPrefix(line, "LESSON=") {
			env = append(env, line)
		}
	}
	return append(env,
		"XDG_CACHE_HOME="+filepath.Join(desk, "cache"), "GOMODCACHE="+filepath.Join(desk, "mod"),
		"GOCACHE="+strings.TrimSpace(string(built)), "GOTOOLCHAIN=local",
		"GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -modcacherw"), // or it could not be removed
		"LAB_ACCEL="+accel, "COURSE_LANG=en"), nil
}

// bundleOf makes a bundle of this tree as it stands, committed or not: of a copy.
func (s *suite) bundleOf(ctx context.Context, copied, bundle string) error {
	files, err := s.sources(ctx)
	if err != nil {
		return err
	}
	for _, name := range files {
		to := filepath.Join(copied, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), copyFile(s.t.Path(name), to)); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A", "-f"}, {"-c", "user.name=test", "-c", "user.email=test@mydocker.example", "commit", "-q", "-m", "the course"}} {
		cmd := child.Command(ctx, append([]string{"git"}, args...)...)
		cmd.Dir = copied
		if err := silent(cmd); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := child.Command(ctx, self, "bundle")
	cmd.Dir = copied
	// The sources are the same, so this very program and this very image are theirs.
	cmd.Env = append(cmd.Env, "COURSE_TREE="+copied, "COURSE_BUILD="+filepath.Join(filepath.Dir(copied), "build"), "OUT="+bundle)
	return silent(cmd)
}

// sources are the files of the tree that are not ignored. One that is gone and not yet
// committed so is among them; copyFile passes it over.
func (s *suite) sources(ctx context.Context) ([]string, error) {
	cmd := child.Command(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = s.t.Root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
}
