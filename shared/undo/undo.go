// Package undo cleans up in the opposite order of making.
//
// It is plumbing, taught by no lesson and free for all. A function that acquires several
// things pushes the undo of each on the line after it was acquired; one deferred Run then
// undoes whatever was reached, last first, however the function ends:
//
//	var u undo.Stack
//	defer func() { err = errors.Join(err, u.Run()) }()
//
//	if err := unix.Mount(src, dst, "", unix.MS_BIND, ""); err != nil {
//		return err
//	}
//	u.Push(func() error { return unix.Unmount(dst, unix.MNT_DETACH) })
//
// A function that succeeds and hands the things on to its caller hands on the undo too:
//
//	return container, u.Release(), nil
package undo

import "errors"

// Stack holds what is still to be undone. The zero value is empty and ready. A Stack is
// for one goroutine.
type Stack struct {
	undos []func() error
}

// Push adds the undo of what has just been acquired.
func (s *Stack) Push(undo func() error) {
	s.undos = append(s.undos, undo)
}

// Run undoes everything, last first, and empties the stack: a second Run does nothing.
// One failure does not stop the rest; all failures are returned, joined.
func (s *Stack) Run() error {
	var errs []error
	for len(s.undos) > 0 {
		last := len(s.undos) - 1
		undo := s.undos[last]
		s.undos = s.undos[:last] // before the call: an undo that panics is not run again
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}

// Release empties the stack without undoing anything and returns what Run would have
// done, for the new owner of the things.
func (s *Stack) Release() func() error {
	owner := &Stack{undos: s.undos}
	s.undos = nil
	return owner.Run
}
