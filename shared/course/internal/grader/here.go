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
func (w *workshop) runHere(ctx context.Context, program, test string) (events map[string]event, said string, code int, err error) {
	if _, err := lab.Image(ctx, w.t); err != nil {
		return nil, "", 0, err
	}
	limited, cancel := context.WithTimeout(ctx, hereLimit)
	defer cancel()
	port, theirs, err := os.Pipe()
	if err != nil {
		return nil, "", 0, err
	}
	defer port.Close()
	var lines, output bytes.Buffer
	cmd := child.Command(limited, test, w.sub.pattern(), "-test.timeout=0")
	cmd.Env = append(cmd.Env, "MYDOCKER="+program, "COURSE_EVENTS=3")
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, "", 0, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&lines, port)
	}()
	err = cmd.Wait()
	<-read
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = vm.ErrTimeout
	case errors.As(err, &ended):
		err = nil // its exit code says that a task failed; the events say which
	}
	return parse(lines.Bytes()), output.String(), cmd.ProcessState.ExitCode(), err
}
