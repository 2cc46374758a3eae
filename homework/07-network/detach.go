package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/reexec"
	"mydocker.example/shared/store"
)

// Somebody has to wait(2) for a container, carry what it prints and write down how it ended,
// so a container in the background needs a process beside it: the keeper. It is this program
// once more; its descriptor 3, and its stderr until the command runs, is a pipe to the
// mydocker that started it.
//
//	mydocker run -d ──clone, setsid──▶ keeper ──clone──▶ init ──clone──▶ the command
//	       ◀──────────── "started" ──────┘

const started = "started"

func init() { reexec.Register("mydocker-keeper", keep) }

// detach starts a keeper for r and prints the id once the command runs.
func detach(s store.Store, r store.Record) (code int, err error) {
	answer, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer answer.Close()

	// Marked close-on-exec before clone(2): the keeper lives long, and must not hold open
	// what its caller has open, a pipe that somebody reads to its end least of all.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}
	keeper := reexec.Command("mydocker-keeper", s.Root, r.ID)
	keeper.Stderr = tell                 // no Stdin, no Stdout: os/exec opens /dev/null
	keeper.ExtraFiles = []*os.File{tell} // descriptor 3
	// PATH for newuidmap(1). What else is in our environment is nobody's business.
	keeper.Env = []string{"PATH=" + os.Getenv("PATH")}
	keeper.Dir = "/"
	// A session of its own (setsid(2)): no terminal, so no SIGHUP when the terminal closes.
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return 0, errors.Join(fmt.Errorf("start the keeper: %w", err), forget(s, r.ID))
	}
	// Only the keeper holds the writing end now: if it dies, the read below ends.
	tell.Close()
	said, err := io.ReadAll(answer)
	if err != nil {
		return 0, err
	}
	if string(said) == started {
		fmt.Println(r.ID)
		return 0, nil
	}
	var failed *exec.ExitError
	if err := keeper.Wait(); err != nil && !errors.As(err, &failed) {
		return 0, fmt.Errorf("wait4(%d): %w", keeper.Process.Pid, err)
	}
	os.Stderr.Write(said)
	return exitStatus(keeper.ProcessState.Sys().(syscall.WaitStatus)), nil
}

// keep is the keeper: it runs the container that detach recorded, and outlives its caller.
func keep() {
	s, id := store.Store{Root: os.Args[1]}, os.Args[2]
	syscall.CloseOnExec(3) // the pipe is for us, not for the command
	tell := os.NewFile(3, "pipe to mydocker run -d")
	r, err := s.Load(id)
	if err != nil {
		os.Exit(report(0, err))
	}
	code, err := supervise(s, r, caller{}, func() {
		io.WriteString(tell, started)
		tell.Close()
		nothing(2) // the end of file that detach waits for
	})
	os.Exit(report(code, err))
}
