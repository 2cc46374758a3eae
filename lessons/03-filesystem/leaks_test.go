package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
	"mydocker.example/shared/reexec"
)

func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// Whatever an actor has mounted is gone with it, pivoted or not.
func TestActorsLeaveNothing(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	for _, act := range []string{"chroot", "pivot", "pivot-and-detach"} {
		host, err := startMachine(nil)
		require.NoError(t, err)
		container, err := host.clone(unix.CLONE_NEWNS)
		require.NoError(t, err)
		require.NoError(t, container.do(nil, act, "/rootfs"))
		container.end()
		host.end()
	}
}

// An error in an act is an error of the proof, with its errno, and the actor lives on.
func TestActorsFail(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	host, err := startMachine(nil)
	require.NoError(t, err)
	defer host.end()
	require.ErrorIs(t, host.do(nil, "unmount", "/home"), unix.EINVAL) // no mount point
	require.ErrorIs(t, host.do(nil, "pivot", "/nowhere"), unix.ENOENT)
	require.NoError(t, host.do(nil, "pivot", "/rootfs"))
}

func init() { reexec.Register("dies-half-way", diesHalfWay) }

// diesHalfWay is a proof that is killed in the middle.
func diesHalfWay() {
	host, err := startMachine(nil)
	if err == nil {
		var container *actor
		if container, err = host.clone(unix.CLONE_NEWNS); err == nil {
			err = container.do(nil, "pivot", "/rootfs")
		}
	}
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("half-way")
	time.Sleep(time.Hour)
}

func TestKilledHalfWay(t *testing.T) {
	labtest.NeedLab(t)
	labtest.NeedRoot(t)
	labtest.Leaks(t)
	cmd := reexec.Command("dies-half-way")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	word := make([]byte, 100)
	n, err := out.Read(word)
	require.NoError(t, err)
	require.Equal(t, "half-way\n", string(word[:n]))
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for { // the orphans are ours to reap (labtest.Leaks)
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}
