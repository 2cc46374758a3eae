package ns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Set holds namespaces open, by a descriptor for each. While it is open they live, even
// when nobody is in them; Close it.
type Set struct {
	files []file // in the order in which they are joined
}

type file struct {
	kind Flags
	f    *os.File
}

// Open opens the namespaces of a process, of the kinds in want. It is all or nothing, and
// about one process: when it ended on the way, and its number went to another, Open fails.
func Open(proc string, pid int, want Flags) (*Set, error) {
	if rest := want &^ All; rest != 0 {
		return nil, fmt.Errorf("ns: %s is not a kind of namespace", rest)
	}
	// /proc/PID held open is that process and no other: when it is gone, its files are ESRCH
	// or ENOENT, also when the number is in use again (proc_pid(5)).
	dir := fmt.Sprintf("%s/%d/ns", proc, pid)
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", dir, err)
	}
	defer unix.Close(at)
	s := &Set{}
	for _, kind := range want.Kinds() {
		fd, err := unix.Openat(at, kind.Link(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("open(%q): %w", dir+"/"+kind.Link(), err)
		}
		s.files = append(s.files, file{kind, os.NewFile(uintptr(fd), dir+"/"+kind.Link())})
	}
	return s, nil
}

// Flags is the set of the kinds that are held.
func (s *Set) Flags() (f Flags) {
	for _, file := range s.files {
		f |= file.kind
	}
	return f
}

// File is the descriptor of one kind, for who wants to pass it on; nil: not in the set.
func (s *Set) File(kind Flags) *os.File {
	for _, file := range s.files {
		if file.kind == kind {
			return file.f
		}
	}
	return nil
}

// Close lets the namespaces go.
func (s *Set) Close() error {
	var errs []error
	for _, file := range s.files {
		errs = append(errs, file.f.Close())
	}
	s.files = nil
	return errors.Join(errs...)
}

// ErrUser: setns(2) into a user namespace wants a process of one thread, and a Go program
// has several. Lesson 05 has a way around.
var ErrUser = errors.New("ns: a Go program cannot join a user namespace (setns(2))")

// Do runs fn on a thread that has joined the namespaces. The PID namespace is an exception:
// it is joined by what fn starts (pid_namespaces(7)), and so is the time namespace by what
// fn executes. The thread ends with fn; the caller, and every other goroutine, stays where
// it is. What fn starts must be started by fn itself, not by a goroutine of its own.
func (s *Set) Do(fn func() error) error {
	if s.Flags()&User != 0 {
		return ErrUser
	}
	return onThread(func() error {
		if s.Flags()&Mount != 0 {
			// Root and current folder are of all threads together, and setns(2) answers
			// EINVAL, until this thread has its own (clone(2), CLONE_FS).
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("unshare(CLONE_FS): %w", err)
			}
		}
		for _, file := range s.files {
			// With the kind, so that a descriptor of another kind is an error.
			if err := unix.Setns(int(file.f.Fd()), int(file.kind)); err != nil {
				return fmt.Errorf("setns(%s): %w", file.f.Name(), err)
			}
		}
		return fn()
	})
}

// Apart runs fn on a thread that has unshared the kinds in f: new namespaces, which go when
// fn and what it started are gone.
func Apart(f Flags, fn func() error) error {
	if f&User != 0 {
		return ErrUser // unshare(2): the same condition
	}
	return onThread(func() error {
		if err := unix.Unshare(int(f)); err != nil {
			return fmt.Errorf("unshare(%s): %w", f, err)
		}
		return fn()
	})
}

// onThread runs fn on a thread that serves nobody afterwards.
func onThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		// Namespaces belong to the thread; fn must stay on it.
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Not the main thread: /proc/PID/ns shows its namespaces as the process's, and Go
			// cannot end it. While we hold it, another goroutine gets another thread.
			defer runtime.UnlockOSThread()
			result <- onThread(fn)
			return
		}
		// Never unlocked: Go ends a thread whose goroutine ends locked (runtime.LockOSThread).
		// Goexit and a panic in fn must not leave the caller waiting.
		err := errors.New("ns: fn did not return")
		defer func() { result <- err }()
		err = fn()
	}()
	return <-result
}
