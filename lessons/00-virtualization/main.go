// Command 00-virtualization proves the claims of lesson 00, "Virtualization, and what a
// container is not". Each proof has the id of a heading in README.md; each file has one
// story. All of them run on this machine, without root: the lesson starts QEMU itself.
package main

import (
	"embed"
	"os"

	"mydocker.example/shared/proof"
)

//go:embed *.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 0,
	Name:   "00-virtualization",
	Texts:  texts,
	Proofs: []proof.Proof{
		// bill.go
		bill,
		// trap.go
		trapAndEmulate, silent,
		// hypervisor.go
		hypervisor,
		// hello.go
		helloKernel, initExits,
		// twokernels.go
		twoKernels,
		// container.go
		containerIsProcess,
		// threeways.go
		threeWays,
	},
}

func main() {
	if init := os.Getenv("TRY_INIT"); init != "" { // make try-00
		os.Exit(try(init))
	}
	proof.Main(lesson)
}
