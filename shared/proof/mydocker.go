package proof

import (
	"os"
	"os/exec"
)

// Some claims are about the mydocker that a lesson ends with. A lesson imports no solution:
// whoever starts the lesson builds one and names it in the environment, the lab puts it into
// its guests, and the proof runs it like any program.

const (
	mydockerEnv = "COURSE_MYDOCKER"   // where it is, on this side
	labMydocker = "/lab/bin/mydocker" // on the PATH in the lab
)

// Mydocker is a call of mydocker, in the guest. Say Mydocker: true of the proof.
func Mydocker(args ...string) *exec.Cmd {
	return exec.Command(os.Getenv(mydockerEnv), args...)
}

var noMydocker = skipped{
	En: "no mydocker was given: `make` builds one",
	Ru: "mydocker не дали: его собирает `make`",
}
