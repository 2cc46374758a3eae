// Command 01-prototype proves the claims of lesson 01, "Introduction and the first
// prototype". Each proof has the id of a heading in README.md; each file has one story.
package main

import (
	"embed"

	"mydocker.example/shared/proof"
)

//go:embed *.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 1,
	Name:   "01-prototype",
	Texts:  texts,
	Proofs: []proof.Proof{
		// processes.go
		forkExec, execKeepsPID,
		// orphans.go
		zombie, orphan,
		// signals.go
		signalsBothWays, lastWord,
		// meetings.go
		meetFile, meetPipe, meetSocket,
		// descriptors.go
		descriptors, sharedOffset, unlinked,
		// mounts.go
		mounts,
		// procfs.go
		procfs,
		// exitcodes.go
		exitCodes,
		// attack.go
		privateKey, environToken,
	},
}

func main() { proof.Main(lesson) }
