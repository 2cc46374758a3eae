package undo

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// note returns an undo that writes down its name and ends with err.
func note(done *[]string, name string, err error) func() error {
	return func() error {
		*done = append(*done, name)
		return err
	}
}

func TestLastFirst(t *testing.T) {
	var done []string
	var s Stack
	s.Push(note(&done, "mount", nil))
	s.Push(note(&done, "cgroup", nil))
	s.Push(note(&done, "veth", nil))
	require.NoError(t, s.Run())
	require.Equal(t, []string{"veth", "cgroup", "mount"}, done)

	require.NoError(t, s.Run())
	require.Len(t, done, 3, "a second Run does nothing")
}

func TestFailuresAreJoinedAndStopNothing(t *testing.T) {
	busy, gone := errors.New("busy"), errors.New("gone")
	var done []string
	var s Stack
	s.Push(note(&done, "first", gone))
	s.Push(note(&done, "second", nil))
	s.Push(note(&done, "third", busy))
	err := s.Run()
	require.ErrorIs(t, err, busy)
	require.ErrorIs(t, err, gone)
	require.Equal(t, []string{"third", "second", "first"}, done)
}

func TestReleaseHandsOver(t *testing.T) {
	var done []string
	var s Stack
	s.Push(note(&done, "first", nil))
	s.Push(note(&done, "second", nil))
	owner := s.Release()
	require.NoError(t, s.Run())
	require.Empty(t, done)

	s.Push(note(&done, "own", nil)) // the released stack may be used again
	require.NoError(t, owner())
	require.Equal(t, []string{"second", "first"}, done)
	require.NoError(t, owner(), "a second call does nothing")
	require.Len(t, done, 2)
}
