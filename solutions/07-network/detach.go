package main

import (
	"encoding/json"
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
	// PATH for newuidmap(1). What else is in our environment is nobody's business.
	ran, code, err := background([]string{"PATH=" + os.Getenv("PATH")}, "mydocker-keeper", s.Root, r.ID)
	if ran {
		fmt.Println(r.ID)
	}
	if err != nil {
		err = errors.Join(err, forget(s, r.ID))
	}
	return code, err
}

// background starts a stage of this program that outlives us, and waits until the command
// runs that it starts: ran. Else code is its exit code, and it has said why.
func background(env []string, stage string, args ...string) (ran bool, code int, err error) {
	answer, tell, err := os.Pipe()
	if err != nil {
		return false, 0, err
	}
	defer answer.Close()

	// Marked close-on-exec before clone(2): the keeper lives long, and must not hold open
	// what its caller has open, a pipe that somebody reads to its end least of all.
	if err := unix.CloseRange(3, lastDescriptor, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return false, 0, fmt.Errorf("close_range(3, %d, CLOSE_RANGE_CLOEXEC): %w", uint(lastDescriptor), err)
	}
	keeper := reexec.Command(stage, args...)
	keeper.Stderr = tell                 // no Stdin, no Stdout: os/exec opens /dev/null
	keeper.ExtraFiles = []*os.File{tell} // descriptor 3
	keeper.Env, keeper.Dir = env, "/"
	// A session of its own (setsid(2)): no terminal, so no SIGHUP when the terminal closes.
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return false, 0, fmt.Errorf("start the keeper: %w", err)
	}
	// Only the keeper holds the writing end now: if it dies, the read below ends.
	tell.Close()
	said, err := io.ReadAll(answer)
	if err != nil {
		return false, 0, err
	}
	if string(said) == started {
		return true, 0, nil
	}
	var failed *exec.ExitError
	if err := keeper.Wait(); err != nil && !errors.As(err, &failed) {
		return false, 0, fmt.Errorf("wait4(%d): %w", keeper.Process.Pid, err)
	}
	os.Stderr.Write(said)
	return false, exitStatus(keeper.ProcessState.Sys().(syscall.WaitStatus)), nil
}

// tellStarted, in the keeper, is what background waits for: the word, and the end of the file.
func tellStarted() {
	syscall.CloseOnExec(3) // the pipe is for us, not for the command
	tell := os.NewFile(3, "pipe to mydocker")
	io.WriteString(tell, started)
	tell.Close()
	nothing(2)
}

// keep is the keeper: it runs the container that detach recorded, and outlives its caller.
func keep() {
	s := store.Store{Root: os.Args[1]}
	syscall.CloseOnExec(3)
	r, err := s.Load(os.Args[2])
	if err != nil {
		os.Exit(report(0, err))
	}
	var spec Spec
	if err := json.Unmarshal(r.Config, &spec); err != nil {
		os.Exit(report(0, fmt.Errorf("the record of container %s: config: %w", r.ID, err)))
	}
	c := &container{store: s, record: r, spec: spec}
	os.Exit(report(c.supervise(tellStarted)))
}
