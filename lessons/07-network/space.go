package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A space is a network namespace that is held by a descriptor and has nobody in it. Network
// namespaces belong to threads (network_namespaces(7)): a thread goes in, does something,
// and ends. When the proof ends, by whatever cause, the kernel removes everything.
type space struct {
	name string
	file *os.File
}

// newSpace is unshare(2) on a thread of its own; the open file keeps what the thread made.
func newSpace(name string) (*space, error) {
	s := &space{name: name}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare(CLONE_NEWNET): %w", err)
		}
		var err error
		s.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return s, err
}

// do runs fn in the namespace. What is made there stays there: a socket, too.
func (s *space) do(fn func() error) error {
	return onThread(func() error {
		if err := s.enter(); err != nil {
			return err
		}
		return fn()
	})
}

// enter moves the calling thread, which must be locked.
func (s *space) enter() error {
	if err := unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns(%s, CLONE_NEWNET): %w", s.file.Name(), err)
	}
	return nil
}

// path is where another process of this machine finds the namespace.
func (s *space) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.file.Fd()) }

// close lets the namespace go.
func (s *space) close() { s.file.Close() }

// onThread runs fn on a thread that serves nobody afterwards.
func onThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Not the main thread, which Go cannot end. While we hold it, another goroutine gets
			// another thread.
			defer runtime.UnlockOSThread()
			result <- onThread(fn)
			return
		}
		// Never unlocked: Go ends a thread whose goroutine ends locked.
		result <- fn()
	}()
	return <-result
}
