package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They mount and pivot: run them by hand in the lab only.
//
//	make check-03 SUBMISSION=solutions/03-filesystem
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "pivot", Check: checkPivot},
		{ID: "overlay", Check: checkOverlay},
		{ID: "rootfs", Check: checkRootfs},
		{ID: "escape", Check: checkEscape},
		{ID: "read-only", Check: checkReadOnly},
		{ID: "volume", Check: checkVolume},
	})
}
