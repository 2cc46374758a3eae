// Command 02-namespaces proves the claims of lesson 02, "Namespaces: isolating processes".
// Each proof has the id of a heading in README.md; each file has one story. The namespaces
// are shown raw here, call by call; shared/ns is what becomes of them.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"strings"

	"mydocker.example/shared/proof"
)

//go:embed *.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 2,
	Name:   "02-namespaces",
	Texts:  texts,
	Needs:  needs,
	Proofs: []proof.Proof{
		// kinds.go
		kinds,
		// rawclone.go
		rawClone,
		// numbers.go
		twoNumbers,
		// initproc.go
		initShield, initDeath, adopts,
		// signals.go
		talk,
		// nested.go
		nested,
		// procfs.go
		procLies,
		// uts.go
		hostname,
		// ipc.go
		sharedMemory, messageQueue,
		// enter.go
		enter,
		// keep.go
		kept,
		// owner.go
		owned,
		// attack.go
		killStranger, stopStranger, readStranger, alterStranger,
		// oldproc.go
		oldProc,
	},
}

func main() { proof.Main(lesson) }

// yamaScope says who may trace whom, beyond the rules of ptrace(2): 0 is no more than those.
const yamaScope = "/proc/sys/kernel/yama/ptrace_scope"

// needs says what a machine lacks for this lesson (LAB=host).
func needs() error {
	value, err := os.ReadFile(yamaScope)
	if errors.Is(err, os.ErrNotExist) {
		return nil // no Yama: the rules of ptrace(2) alone
	}
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(value)); got != "0" {
		return fmt.Errorf("%s is %s: here a process cannot trace another of the same user, and half of the attacks fail for a reason that is not this lesson's", yamaScope, got)
	}
	return nil
}
