package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("IMAGE_TEST_DIE_IN"); dir != "" {
		halfABuild(dir)
	}
	os.Exit(m.Run())
}

// halfABuild takes the lock, begins a layer, and waits to be killed.
func halfABuild(dir string) {
	unlock, err := lockCache(context.Background(), dir, io.Discard)
	if err != nil {
		panic(err)
	}
	defer unlock()
	layer(dir, "base", "k", func(tmp string) error {
		os.WriteFile(filepath.Join(tmp, "kernel"), []byte("half"), 0o644)
		fmt.Println("half")
		time.Sleep(time.Hour) // not select {}: Go would call that a deadlock and end the process
		return nil
	})
}

// What a killed build leaves is swept away, and hides nothing from the next one.
func TestKilledHalfWay(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "IMAGE_TEST_DIE_IN="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, 5))
	require.NoError(t, err)

	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var said strings.Builder
	_, err = lockCache(short, dir, &said)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the other one lives")
	assert.Equal(t, "lab: another build is at work; waiting for it\n", said.String())

	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	unlock, err := lockCache(t.Context(), dir, io.Discard)
	require.NoError(t, err)
	defer unlock()
	left, err := filepath.Glob(filepath.Join(dir, tmpPrefix+"*"))
	require.NoError(t, err)
	require.Len(t, left, 1)
	sweep(dir)
	assert.NoDirExists(t, left[0])
	assert.NoDirExists(t, filepath.Join(dir, "base-k"))

	made, err := layer(dir, "base", "k", func(tmp string) error {
		return os.WriteFile(filepath.Join(tmp, "kernel"), []byte("whole"), 0o644)
	})
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(made, "kernel"))
	require.NoError(t, err)
	assert.Equal(t, "whole", string(data))
}

// Of many builders one at a time is at work, and one does the work.
func TestBuildersAtOnce(t *testing.T) {
	dir := t.TempDir()
	var builds, inside atomic.Int32
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			unlock, err := lockCache(t.Context(), dir, io.Discard)
			if !assert.NoError(t, err) {
				return
			}
			defer unlock()
			assert.EqualValues(t, 1, inside.Add(1))
			defer inside.Add(-1)
			_, err = layer(dir, "base", "k", func(tmp string) error {
				builds.Add(1)
				time.Sleep(10 * time.Millisecond)
				return os.WriteFile(filepath.Join(tmp, "f"), nil, 0o644)
			})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, builds.Load())
}

func TestFailedLayerLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := layer(dir, "base", "k", func(tmp string) error { return errors.New("no") })
	require.ErrorContains(t, err, "no")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
