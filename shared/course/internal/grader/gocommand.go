package grader

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
)

// buildLimit is for a mydocker and, the first time, all of the library.
const buildLimit = 5 * time.Minute

// limits is what each process of a build may use. A few lines of Go can have the compiler
// count for hours, or fill all of the memory: constants that double, types within types.
// A system that does not know one of these limits goes without it.
const limits = `
ulimit -t 90 2>/dev/null       # seconds of a processor
ulimit -v 4194304 2>/dev/null  # kilobytes of address space
ulimit -f 1048576 2>/dev/null  # blocks of 512 bytes in one file
exec "$@"`

// goCommand is the go command over the copy of a submission. It executes nothing of a student's
// (no generator, no C compiler, no other toolchain) and reads nothing outside the copy but
// the course and the modules that the course requires. An exec.ExitError is the student's.
func (w *workshop) goCommand(ctx context.Context, args ...string) (output []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	words := append([]string{args[0], "-mod=readonly"}, args[1:]...)
	plain := child.Go(limited, words...)
	cmd := child.Command(limited, append([]string{"/bin/sh", "-c", limits, "sh"}, plain.Args...)...)
	// What the go command lays down while it works goes with the workshop, even if it is killed.
	cmd.Dir, cmd.Env = w.src, append(plain.Env, "GOWORK=off", "GOTMPDIR="+w.dir)
	child.Group(cmd, unix.SIGINT) // the compilers are children of the go command
	var out, complaints capped
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	var ended *exec.ExitError
	errors.As(err, &ended)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		return nil, refuse(say.T("it did not compile within %v", "она не скомпилировалась за %v"), buildLimit)
	case ended != nil && !ended.Exited():
		return nil, refuse(say.T("it did not compile: the compiler was ended by %v", "она не скомпилировалась: компилятор завершён сигналом %v"), ended)
	case ended != nil:
		return append(complaints.Bytes(), out.Bytes()...), err
	case err != nil:
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}
