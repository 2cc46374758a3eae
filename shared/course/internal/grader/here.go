package grader

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/vm"
)

// hereLimit is for checks that boot machines themselves, emulated and on a busy machine.
const hereLimit = 15 * time.Minute

// runHere runs the checks on this machine: they start guests of their own, and only there
// does the submission run.
func (w *workshop) runHere(ctx context.Context, r *run) error {
	if _, err := lab.Image(ctx, w.t); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, hereLimit)
	defer cancel()
	port, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer port.Close()
	cmd := child.Command(limited, r.test, r.pattern(), "-test.timeout=0")
	cmd.Env = append(cmd.Env, "MYDOCKER="+r.program, "COURSE_EVENTS=3", "COURSE_SEALED=1")
	cmd.Stdin = bytes.NewReader(r.key[:])
	cmd.Stdout, cmd.Stderr = &r.output, &r.output
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&r.lines, port)
	}()
	err = cmd.Wait()
	<-read
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return vm.ErrTimeout
	case err != nil && !errors.As(err, &ended):
		return err
	}
	r.code = cmd.ProcessState.ExitCode() // that a task failed; the events say which
	return nil
}
