package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A run is a program that talks to us: a process, a container or a QEMU. To us all three
// are a process with a standard input and output.
type run struct {
	cmd   *exec.Cmd
	began time.Time
	in    io.WriteCloser
	out   *bufio.Reader
	said  strings.Builder
	ended chan struct{}
}

// start starts cmd. It dies with us, even when we are killed: the parent-death signal is
// sent when the thread that forked ends, so that thread is kept until the child has ended.
func start(cmd *exec.Cmd) (*run, error) {
	r := &run{cmd: cmd, ended: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	var err error
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = theirs, theirs
	r.out = bufio.NewReader(out)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		r.began = time.Now()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // ProcessState tells how it ended
			close(r.ended)
		}
	}()
	err = <-started
	theirs.Close()
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return r, nil
}

// until reads what the program says up to a line that matches, and returns its parts.
func (r *run) until(pattern *regexp.Regexp) ([]string, error) {
	for {
		line, err := r.line()
		if match := pattern.FindStringSubmatch(line); match != nil {
			return match, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q was not said; the last was:\n%s", pattern, tail(r.said.String()))
		}
	}
}

// line reads a line. A serial line ends its own with a carriage return too.
func (r *run) line() (string, error) {
	line, err := r.out.ReadString('\n')
	r.said.WriteString(strings.ReplaceAll(line, "\r", ""))
	return strings.TrimRight(line, "\r\n"), err
}

// rest reads to the end and waits for it. The exit code is as a shell reports it.
func (r *run) rest() (said string, code int, err error) {
	for err == nil {
		_, err = r.line()
	}
	if !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	<-r.ended
	ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return r.said.String(), 128 + int(ws.Signal()), nil
	}
	return r.said.String(), ws.ExitStatus(), nil
}

// kill ends it, if it has not ended.
func (r *run) kill() {
	r.cmd.Process.Kill()
	r.in.Close()
	r.rest()
}

// tail is the last few lines.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
