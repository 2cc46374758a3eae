// Command 03-filesystem proves the claims of lesson 03, "Isolating the file system". Each
// proof has the id of a heading in README.md; each file has one story.
package main

import (
	"embed"

	"mydocker.example/shared/proof"
)

//go:embed *.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 3,
	Name:   "03-filesystem",
	Texts:  texts,
	Proofs: []proof.Proof{
		// namespace.go
		mountInside, propagation,
		// roots.go
		chrootTable, pivotTable, chrootNamespace, pivotNamespace,
		// refusals.go
		pivotRefuses,
		// oldroot.go
		pivotDot, oldRootGone,
		// escape.go, inherit.go, oldproc.go, hostfile.go
		chrootEscape, inheritedDescriptor, procRoot, hostFile,
		// rootfs.go, readonly.go, sysctl.go
		loader, devices, readOnlyPaths, procSys,
		// overlay.go
		overlayCopyUp, overlayWhiteout,
		// symlink.go
		symlinkMount,
	},
}

func main() { proof.Main(lesson) }
