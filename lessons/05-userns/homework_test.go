package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They are root and call mydocker as root and as the lab's student: run them by hand
// in the lab only.
//
//	make check-05 SUBMISSION=solutions/05-userns
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "parse", Check: checkParse},
		{ID: "map", Check: checkMap},
		{ID: "owned", Check: checkOwned},
		{ID: "rootless", Check: checkRootless},
		{ID: "attack", Check: checkAttack},
		{ID: "idmapped", Check: checkIdmapped},
	})
}
