// Command 04-cgroups proves the claims of lesson 04, "Managing resources: cgroups". Each
// proof has the id of a heading in README.md; each file has one story. Cgroups are shown raw
// here, a folder and a write(2) at a time; shared/cgroup is what becomes of them.
package main

import (
	"embed"
	"fmt"
	"os"
	"slices"
	"strings"

	"mydocker.example/shared/proof"
)

//go:embed README*.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 4,
	Name:   "04-cgroups",
	Texts:  texts,
	Needs:  needs,
	Proofs: []proof.Proof{
		// bomb.go
		bomb,
		// tree.go
		inherits, handedDown, noInternal,
		// bomb.go again
		defused,
		// memory.go
		oom, oomGroup, highMark,
		// cpu.go
		quota, weight,
		// late.go
		startThenMove,
		// namespace.go
		cgroupNamespace,
		// control.go
		freeze, killAll,
		// delegate.go
		delegated,
		// contained.go
		contained,
		// attack.go, attackcpu.go
		dosProcesses, dosMemory, dosCPU,
		// ownlimit.go
		ownLimit,
	},
}

func main() { proof.Main(lesson) }

// needs says what a machine lacks for this lesson (LAB=host): cgroup v2, whose root hands
// the controllers of this lesson down.
func needs() error {
	enabled, err := os.ReadFile(top + "/cgroup.subtree_control")
	if err != nil {
		return fmt.Errorf("no cgroup v2 at %s: %w", top, err)
	}
	for _, name := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(strings.Fields(string(enabled)), name) {
			return fmt.Errorf("the controller %s is not in %s/cgroup.subtree_control", name, top)
		}
	}
	return nil
}
