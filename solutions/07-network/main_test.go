package main

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
)

func TestExitCode(t *testing.T) {
	start := func(path string) error {
		return &startError{command: path, err: exec.Command(path).Start()}
	}
	for _, test := range []struct {
		err  error
		want int
	}{
		{start("no-such-command"), 127},
		{start("/no/such/file"), 127},
		{start("/"), 126},
		{start("/proc/self/status"), 126}, // not executable
		{&startError{command: "true", err: syscall.EAGAIN}, 125},
		{syscall.ENOENT, 125}, // not the command's, mydocker's own
		{errors.New("todo"), 125},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9} {
		cmd := exec.Command("sh", "-c", script)
		cmd.Run()
		if got := exitStatus(cmd.ProcessState.Sys().(syscall.WaitStatus)); got != want {
			t.Errorf("%q: %d, want %d", script, got, want)
		}
	}
}
