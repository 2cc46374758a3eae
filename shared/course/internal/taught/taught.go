// Package taught knows which package of shared/ a lesson may import: one that was taught in
// an earlier lesson, or plumbing that is never taught.
package taught

import (
	"slices"
	"strings"
)

const shared = "mydocker.example/shared/"

// first is the first lesson that may import a package of shared/: the lesson after the one
// that teaches it. Solution 07 may also import what 07 teaches; no lesson comes after it.
var first = map[string]int{
	"undo": 0, "reexec": 0, "prose": 0, "proof": 0, "grade": 0, "labtest": 0, "explain": 0,
	"store":   2,
	"ns":      3,
	"rootfs":  4,
	"cgroup":  5,
	"idmap":   6,
	"caps":    7,
	"seccomp": 7,
	"network": 7,
	"console": 7,
	"join":    7,
}

// modules are the modules that mydocker may be built from, beside the standard library.
var modules = []string{
	"golang.org/x/sys",
	"github.com/syndtr/gocapability",
	"github.com/vishvananda/netlink", "github.com/vishvananda/netns",
	"github.com/google/nftables", "github.com/mdlayher/netlink", "github.com/mdlayher/socket",
	"github.com/google/go-cmp", // in nftables' go.mod, for its tests
	"golang.org/x/net", "golang.org/x/sync",
}

// Module is true when a mydocker may require the module.
func Module(path string) bool {
	return slices.Contains(modules, path) || path == "mydocker.example/shared" || path == "mydocker.example/vm"
}

// A Refusal is an import that a lesson may not have.
type Refusal struct {
	Package string // as imported
	From    int    // the first lesson that may import it; -1: none
}

// Refused are those of a mydocker's imports that are not for it, or not yet. imports are
// those of its own packages: what the library imports in turn is the library's affair.
func Refused(lesson int, imports []string) (out []Refusal) {
	for _, path := range imports {
		name, ok := strings.CutPrefix(path, shared)
		if !ok {
			if strings.HasPrefix(path, "mydocker.example/") { // a lesson, a solution, the lab
				out = append(out, Refusal{path, -1})
			}
			continue
		}
		name, _, _ = strings.Cut(name, "/")
		from, known := first[name]
		switch {
		case !known:
			out = append(out, Refusal{path, -1})
		case lesson < from:
			out = append(out, Refusal{path, from})
		}
	}
	return out
}

// Known is the set of packages of shared/ that stand in the table.
func Known() (names []string) {
	for name := range first {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Mechanism is true of a package that a lesson teaches; the rest is plumbing.
func Mechanism(name string) bool {
	return slices.Contains([]string{"ns", "rootfs", "cgroup", "idmap", "caps", "seccomp", "network"}, name)
}

// Later is a package that this lesson may not import: the next one to be taught, or one that
// is never for mydocker.
func Later(lesson int) string {
	for _, name := range Known() {
		if first[name] == lesson+1 {
			return shared + name
		}
	}
	return "mydocker.example/vm"
}
