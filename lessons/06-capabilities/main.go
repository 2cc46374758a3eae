// Command 06-capabilities proves the claims of lesson 06, "Capabilities and security in
// Linux". Each proof has the id of a heading in README.md; each file has one story.
// Capabilities and filters are written raw here, call by call; shared/caps and
// shared/seccomp are what becomes of them.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os"

	"mydocker.example/shared/proof"
)

//go:embed README*.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 6,
	Name:   "06-capabilities",
	Texts:  texts,
	Needs:  needs,
	Proofs: []proof.Proof{
		// calls.go
		notTheUser,
		// execve.go
		execRoot, execUser, fileCaps,
		// bounding.go
		bounding, secureBits, threads,
		// calls.go
		fileCalls, processCalls, machineCalls,
		// execve.go
		noNewPrivs,
		// filter.go
		refuses, kills, stays, arguments,
		// attack.go
		mountAttack, ptraceAttack,
		// attacknet.go
		linkAttack, nftAttack,
		// attackhost.go
		clockAttack, shocker,
		// attackraw.go
		rawSocket, keyring,
		// attackinit.go
		inherited, runtimeThread,
	},
}

func main() { proof.Main(lesson) }

// needs says what a machine lacks for this lesson (LAB=host).
func needs() error {
	_, noUser := student()
	last, err := lastCap()
	if err == nil && last < 40 {
		err = fmt.Errorf("this kernel knows the capabilities 0 to %d, the lesson counts to 40 (Linux 5.9)", last)
	}
	_, noDisk := os.Stat(disk)
	return errors.Join(noUser, err, noDisk)
}
