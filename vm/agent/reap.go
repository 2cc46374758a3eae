//go:build linux

package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// children is who waits for which child. The lock is held from before fork(2) until the
// child is in the map, and around wait4(2): so a child that dies at once is not missed.
var children = struct {
	sync.Mutex
	waiting map[int]chan unix.WaitStatus
}{waiting: map[int]chan unix.WaitStatus{}}

// reap is PID 1's duty: it waits for every child, its own and the orphans of others.
func reap() {
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	for range died {
		for reapOne() {
		}
	}
}

func reapOne() bool {
	children.Lock()
	defer children.Unlock()
	var status unix.WaitStatus
	pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
	if err == unix.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if c, ok := children.waiting[pid]; ok {
		delete(children.waiting, pid)
		c <- status
	}
	return true
}

// fork starts a program and says where its end will be told.
// It calls syscall.ForkExec and not os/exec, whose Wait would race with reap.
func fork(argv []string, attr *syscall.ProcAttr) (int, <-chan unix.WaitStatus, error) {
	children.Lock()
	defer children.Unlock()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan unix.WaitStatus, 1)
	children.waiting[pid] = ended
	return pid, ended, nil
}
