package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They set off bombs and eat memory: run them by hand in the lab only.
//
//	make check-04 SUBMISSION=solutions/04-cgroups
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "limits", Check: checkLimits},
		{ID: "born", Check: checkBorn},
		{ID: "cpu", Check: checkCPU},
		{ID: "oom", Check: checkOOM},
		{ID: "stats", Check: checkStats},
		{ID: "bomb", Check: checkBomb},
		{ID: "pause", Check: checkPause},
	})
}
