package main_test

import (
	"embed"
	"testing"

	"mydocker.example/shared/grade"
)

//go:embed HOMEWORK*.md
var homework embed.FS

// The checks of the homework: a mydocker binary ($MYDOCKER) from outside, and the kernel's
// state. They mount, rename and kill: run them by hand in the lab only.
//
//	make vm CMD='…'    or    make check-02 SUBMISSION=solutions/02-namespaces
func TestHomework(t *testing.T) {
	grade.Homework(t, homework, []grade.Task{
		{ID: "namespaces", Check: checkNamespaces},
		{ID: "hostname", Check: checkHostname},
		{ID: "ps", Check: checkPs},
		{ID: "init", Check: checkInit},
		{ID: "stranger", Check: checkStranger},
		{ID: "stop", Check: checkStop},
	})
}
