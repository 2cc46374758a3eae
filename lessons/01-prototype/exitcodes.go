package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"mydocker.example/shared/proof"
)

// naive is the first idea of `mydocker run`: run it, and if there was an error, return 1.
// Whoever called it can no longer tell a test that failed from a program that is not there.
func naive(argv []string) int {
	if exec.Command(argv[0], argv[1:]...).Run() != nil {
		return 1
	}
	return 0
}

// run is `mydocker run` as far as this lesson takes it: a child with our descriptors, and
// an exit code that says what became of it, in the words of docker-run(1).
func run(dir string, argv []string) int {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr

	// Before clone(2): what can be found out without a child. The command's own trouble
	// (126, 127) must not be mistaken for ours (125), and chdir(2) in the child would
	// answer with the same errno as execve(2).
	if _, err := os.Stat(dir); err != nil {
		return 125
	}
	if err := cmd.Start(); err != nil {
		return exitCodeOfStart(err)
	}
	// From here on there is a child, and the answer is its own.
	err := cmd.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return 125
	}
	return exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus))
}

// exitCodeOfStart: there is no child. Why?
func exitCodeOfStart(err error) int {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return 127 // ENOENT: no such program
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.EISDIR):
		return 126 // it is there, and it cannot be invoked
	}
	return 125 // clone(2) failed, out of memory, …: not the command's fault
}

// exitCode: the child has ended. How? A status is either an exit or a signal (wait(2)),
// and a shell's exit code has room for one number.
func exitCode(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// exitCodes runs the same commands both ways.
var exitCodes = proof.Proof{
	ID: "exit-codes",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "exitcodes-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		text := filepath.Join(dir, "text")
		if err := os.WriteFile(text, []byte("not a program\n"), 0o644); err != nil {
			return err
		}
		garbage := filepath.Join(dir, "garbage")
		if err := os.WriteFile(garbage, []byte("not a program either\n"), 0o755); err != nil {
			return err
		}
		for _, c := range exitCases {
			argv := make([]string, len(c.argv))
			for i, arg := range c.argv {
				argv[i] = strings.NewReplacer("./text", text, "./garbage", garbage).Replace(arg)
			}
			shown := strings.Join(c.argv, " ")
			r.Sawf("naive-"+c.key, "naive: "+shown, "%d", naive(argv))
			r.Sawf("run-"+c.key, "run:   "+shown, "%d", run(dir, argv))
		}
		r.Sawf("run-ours", "run:   true, in a folder that is not there", "%d", run(filepath.Join(dir, "none"), []string{"true"}))
		return nil
	},
	Judge: func(s *proof.Seen) {
		for _, c := range exitCases {
			s.Equal("run-"+c.key, c.want)
			if c.want != "0" {
				s.Equal("naive-"+c.key, "1") // one answer for six questions
			}
		}
		s.Equal("run-ours", "125")
	},
}

var exitCases = []struct {
	key  string
	argv []string
	want string
}{
	{"zero", []string{"true"}, "0"},
	{"own", []string{"sh", "-c", "exit 42"}, "42"},
	{"missing", []string{"/no/such/program"}, "127"},
	{"text", []string{"./text"}, "126"},       // no x bit: EACCES
	{"garbage", []string{"./garbage"}, "126"}, // x bit, but no ELF and no #!: ENOEXEC
	{"term", []string{"sh", "-c", "kill -TERM $$"}, "143"},
	{"kill", []string{"sh", "-c", "kill -KILL $$"}, "137"},
}
