package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// Somebody has to wait(2) for a container and write down how it ended, so a container in
// the background needs a process beside it: the keeper. It is this program once more,
// started as `mydocker keep ID`; its descriptor 3 is a pipe to the mydocker that started it.
//
//	mydocker run -d ──clone, setsid──▶ mydocker keep ID ──clone──▶ init ──▶ the command
//	       ◀──────────── "started" ──────────┘

const started = "started"

// detach starts a keeper for r and prints the id once the command runs.
func detach(s store.Store, r store.Record) (code int, err error) {
	log, err := os.OpenFile(s.Log(r.ID), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
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

	keeper := exec.Command("/proc/self/exe", "keep", r.ID)
	keeper.Stdout, keeper.Stderr = log, log                                       // no Stdin: os/exec opens /dev/null
	keeper.ExtraFiles = []*os.File{tell}                                          // descriptor 3
	keeper.Env = []string{"MYDOCKER_ROOT=" + s.Root, "PATH=" + os.Getenv("PATH")} // newuidmap is looked for
	// A session of its own (setsid(2)): no terminal, so no SIGHUP when the terminal closes.
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return 0, fmt.Errorf("start the keeper: %w", err)
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
	words, err := os.ReadFile(s.Log(r.ID))
	os.Stderr.Write(words)
	return exitStatus(keeper.ProcessState.Sys().(syscall.WaitStatus)), err
}

// keep is the keeper: it runs the container that detach recorded, and outlives its caller.
func keep(s store.Store, args []string) (code int, err error) {
	if len(args) != 1 {
		return 0, errUsage
	}
	r, err := s.Load(args[0])
	if err != nil {
		return 0, err
	}
	syscall.CloseOnExec(3) // the pipe is for us, not for the command
	tell := os.NewFile(3, "pipe to mydocker run -d")
	return supervise(s, r, func() {
		io.WriteString(tell, started)
		tell.Close() // the end of file that detach waits for
	})
}
