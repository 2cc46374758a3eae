package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They try attacks on the machine they run on: run them by hand in the lab only.
//
//	make check-06 SUBMISSION=solutions/06-capabilities
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "flags", Check: checkFlags},
		{ID: "sets", Check: checkSets},
		{ID: "promise", Check: checkPromise},
		{ID: "filter", Check: checkFilter},
		{ID: "attack", Check: checkAttack},
		{ID: "process-1", Check: checkProcess1},
	})
}
