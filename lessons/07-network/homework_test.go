package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They make interfaces and rules: run them by hand in the lab only.
//
//	make check-07 SUBMISSION=solutions/07-network
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "bridge", Check: checkBridge},
		{ID: "publish", Check: checkPublish},
		{ID: "net-modes", Check: checkNetModes},
		{ID: "neighbour", Check: checkNeighbour},
		{ID: "exec", Check: checkExec},
		{ID: "walls", Check: checkWalls},
	})
}
