package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os/exec"

	"golang.org/x/sys/unix"
)

// A witness is a process that a proof looks at. It is a cat(1), because a Go program is a
// poor witness: its runtime starts threads, opens descriptors and installs a handler for
// every signal. A cat does nothing but wait for its input, and when the proof ends, for
// whatever reason, the pipe closes, the cat reads its end and is gone too.
type witness struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts cmd, which must be, or become, a cat, and returns when the cat runs.
func start(cmd *exec.Cmd) (*witness, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &witness{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if err := w.ping(); err != nil {
		w.end()
		return nil, err
	}
	return w, nil
}

// tidy marks whatever we were started with beyond 0, 1 and 2 close-on-exec: an untidy shell
// leaves descriptors open in everything that it starts, and they would be passed on.
func tidy() error {
	const last = math.MaxUint32 // "and all that follow" (close_range(2))
	if err := unix.CloseRange(3, last, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range(3, …, CLOSE_RANGE_CLOEXEC): %w", err)
	}
	return nil
}

// ping sends a line and waits for it to come back. Only a process that runs can send it:
// when it is here, clone(2) and execve(2) are behind us.
func (w *witness) ping() error {
	if _, err := fmt.Fprintln(w.in, "ping"); err != nil {
		return err
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s gave no sign of life: %w", w.cmd, err)
	}
	if line != "ping\n" {
		return fmt.Errorf("%s sent %q back", w.cmd, line)
	}
	return nil
}

func (w *witness) pid() int { return w.cmd.Process.Pid }

// end closes the witness's input, so that it ends by itself, and reaps it.
func (w *witness) end() error {
	w.in.Close()
	return w.cmd.Wait()
}
