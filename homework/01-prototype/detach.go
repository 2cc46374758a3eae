package main

import (
	"io"
	"os"
	"syscall"
)

// Somebody has to wait(2) for a container and write down how it ended, so a container in
// the background needs a process beside it: the keeper. It is this program once more,
// started as `mydocker keep ID`; its descriptor 3 is a pipe to the mydocker that started it.
//
//	mydocker run -d ──clone, setsid──▶ mydocker keep ID ──clone──▶ the command
//	       ◀──────────── "started" ──────────┘

const started = "started"

// detach starts a keeper for c and prints the id once the command runs.
func detach(s store, c Container) (code int, err error) {
	// homework: detach
	// TODO: Open s.log(c.ID) to append; make a pipe. Start /proc/self/exe keep ID with the
	// log as stdout and stderr, the pipe's writing end in ExtraFiles, an Env of
	// MYDOCKER_ROOT alone, and a session of its own (SysProcAttr). Close the writing
	// end here, read the other to its end. If that says "started", print the id. If
	// not, the keeper has failed: its exit code is for main, its words are in the log.
	return 0, todo("detach: detach")
}

// keep is the keeper: it runs the container that detach recorded, and outlives its caller.
func keep(s store, args []string) (code int, err error) {
	if len(args) != 1 {
		return 0, errUsage
	}
	c, err := s.load(args[0])
	if err != nil {
		return 0, err
	}
	syscall.CloseOnExec(3) // the pipe is for us, not for the command
	tell := os.NewFile(3, "pipe to mydocker run -d")
	return supervise(s, c, func() {
		io.WriteString(tell, started)
		tell.Close() // the end of file that detach waits for
	})
}
