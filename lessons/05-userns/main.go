// Command 05-userns proves the claims of lesson 05, "User namespaces". Each proof has the id
// of a heading in README.md; each file has one story. Maps are written raw here, call by
// call; shared/idmap is what becomes of them.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os/exec"

	"mydocker.example/shared/proof"
)

//go:embed README*.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 5,
	Name:   "05-userns",
	Texts:  texts,
	Needs:  needs,
	Proofs: []proof.Proof{
		// identity.go
		twoUIDs, overflow, stillRoot,
		// files.go
		bothSides,
		// timing.go
		tooLate, inTime,
		// rules.go
		mapRules, setgroups, secondLine,
		// reach.go
		capsInside, capsOutside, ownedBy,
		// nested.go
		nested, levels,
		// rootless.go
		byHand,
		// mydocker.go
		rootless,
		// idmapped.go
		idmapped,
		// switches.go
		switches,
		// attack.go
		shadowFile, remountSysctl, mknodDisk, leftNode,
	},
}

func main() { proof.Main(lesson) }

// needs says what a machine lacks for this lesson (LAB=host).
func needs() error {
	_, err := student()
	_, noHelper := exec.LookPath("newuidmap")
	if err := errors.Join(err, noHelper); err != nil {
		return fmt.Errorf("this lesson needs a user student with the subordinate ids 100000 to 165535, and newuidmap: %w", err)
	}
	return nil
}
