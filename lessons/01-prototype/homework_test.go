package main

import (
	"testing"

	"mydocker.example/shared/grade"
)

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. By hand, without the lab:
//
//	go build -o /tmp/mydocker ./homework/01-prototype
//	MYDOCKER=/tmp/mydocker go test -run Homework ./lessons/01-prototype
func TestHomework(t *testing.T) {
	grade.Homework(t, texts, []grade.Task{
		{ID: "store", Check: checkStore},
		{ID: "inherit", Check: checkInherit},
		{ID: "dead", Check: checkDead},
		{ID: "ps", Check: checkPs},
		{ID: "detach", Check: checkDetach},
	})
}
