// Package lab gives the tool's commands what they need of the lab: its image, a guest, and
// programs to run there.
package lab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
	"mydocker.example/vm/image"
)

// Image builds what the lab lacks and says so on the standard error.
func Image(ctx context.Context, t tree.Tree) (vm.Image, error) {
	return image.Ensure(ctx, image.Options{Dir: t.Path("vm"), Log: os.Stderr})
}

// Start gives a guest in its first state. share is a folder of the host to be seen at
// /course, "" for none.
func Start(ctx context.Context, t tree.Tree, share string) (*vm.Guest, error) {
	im, err := Image(ctx, t)
	if err != nil {
		return nil, err
	}
	return vm.Start(ctx, vm.Options{Image: im, Share: share, Log: os.Stderr})
}

// Build builds the program of a module, statically, and puts it in place whole: somebody may be
// running the one that is there. go.work is not asked: it names every homework, and one that
// was moved away is no reason for the others not to build.
func Build(ctx context.Context, dir, out string) error { return BuildAlone(ctx, dir, out) }

// BuildAlone is Build for a module that may lie anywhere, with flags of the go command.
func BuildAlone(ctx context.Context, dir, out string, flags ...string) error {
	return goBuild(ctx, dir, out, append([]string{"build"}, flags...)...)
}

// BuildTest builds the tests in dir, without what only a debugger reads: a third less to be
// carried into a guest.
func BuildTest(ctx context.Context, dir, out string) error {
	return goBuild(ctx, dir, out, "test", "-c", "-vet=off", "-ldflags=-s")
}

func goBuild(ctx context.Context, dir, out string, args ...string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(out), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	fresh := filepath.Join(tmp, filepath.Base(out))
	cmd := child.Go(ctx, append(args, "-o", fresh, ".")...)
	cmd.Dir, cmd.Env = dir, append(cmd.Env, "GOWORK=off")
	output, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) && ctx.Err() == nil {
		return &CompileError{Dir: dir, Output: string(bytes.TrimSpace(output))}
	}
	if err != nil {
		return err
	}
	return os.Rename(fresh, out)
}
