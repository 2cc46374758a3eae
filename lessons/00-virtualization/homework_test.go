package main

import (
	"testing"
	"time"

	"mydocker.example/shared/grade"
)

// The checks of the homework: an init ($MYDOCKER) becomes process 1 of a virtual machine,
// and a witness, which it is told to run, says what the kernel there says. By hand:
//
//	CGO_ENABLED=0 go build -o /tmp/init ./homework/00-virtualization
//	CGO_ENABLED=0 MYDOCKER=/tmp/init go test -run Homework ./lessons/00-virtualization
func TestHomework(t *testing.T) {
	const limit = 3 * time.Minute // a boot under emulation, on a busy machine
	grade.Homework(t, texts, []grade.Task{
		{ID: "child", Check: checkChild, Timeout: limit},
		{ID: "mounts", Check: checkMounts, Timeout: limit},
		{ID: "tree", Check: checkTree, Timeout: limit},
		{ID: "reap", Check: checkReap, Timeout: limit},
		{ID: "exit", Check: checkExit, Timeout: limit},
		{ID: "shutdown", Check: checkShutdown, Timeout: limit},
	})
}
