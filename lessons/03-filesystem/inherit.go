package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

// inheritedDescriptor: a folder of the host that was open before pivot_root(2). Both halves
// have a root of their own, and the old one is detached: that is not what stops this.
var inheritedDescriptor = proof.Proof{
	ID: "inherited-descriptor",
	Attack: &proof.Attack{
		Prepare: prepareHost,
		Run:     runPayload,
		Without: leaveOpen,
		With:    leaveOpen,
		Inside:  closeOnExec,
		Errno:   unix.EBADF,
	},
}

// forgotten is the number under which the container finds what the runtime forgot.
const forgotten = 4

// leaveOpen is set in the parent: descriptor 4 of the child is a folder of the host.
func leaveOpen(cmd *exec.Cmd) error {
	dir, err := os.Open(os.TempDir())
	if err != nil {
		return err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, dir) // closed with this process
	return ownMountsAndPIDs(cmd)
}

// closeOnExec runs in the child: after clone(2), before execve(2). It is the mechanism. It
// closes nothing yet, so that the runtime can go on using what it has.
func closeOnExec(*proof.Attacker) error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, …, CLOSE_RANGE_CLOEXEC): %w", err)
	}
	return nil
}

// runPayload is the rest of a container's start, the same in both halves, and then the
// attack program in a process of its own.
func runPayload(a *proof.Attacker) error {
	if err := enter(a.Get("root")); err != nil {
		return fmt.Errorf("%v", err) // without its errno: this is not the attack that failed
	}
	if err := sawOwnTable(a); err != nil {
		return err
	}
	a.Saw(fmt.Sprintf("open(%q)", a.Get("diary")), answer(openFile(a.Get("diary"))))

	below := strings.TrimPrefix(a.Get("diary"), os.TempDir()+"/")
	cmd := reexec.Command("payload", below)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // there is no /dev/null in this root
	out, err := cmd.Output()
	what := fmt.Sprintf("after execve(2): openat(%d, %q)", forgotten, below)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = unix.Errno(exit.ExitCode())
	}
	a.Saw(what, orText(err, string(out)))
	return err
}

func init() { reexec.Register("payload", payload) }

// payload is the attack program: it tries a descriptor that it never opened. It exits with
// the errno.
func payload() {
	fd, err := unix.Openat(forgotten, os.Args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		text := make([]byte, 64)
		var n int
		if n, err = unix.Read(fd, text); err == nil {
			os.Stdout.Write(text[:n])
			return
		}
	}
	var errno unix.Errno
	errors.As(err, &errno)
	os.Exit(int(errno))
}
