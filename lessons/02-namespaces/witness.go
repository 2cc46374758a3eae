package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A witness is a process that a proof looks at. It is a cat(1), because a Go program is a
// poor witness: its runtime starts threads and installs a handler for every signal, and
// what the kernel does to a process 1 depends on its handlers. When the proof ends, for
// whatever reason, the pipe closes, the cat reads its end and is gone too.
type witness struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts cmd with a pipe to it and a pipe from it.
func spawn(cmd *exec.Cmd) (*witness, error) {
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
	return &witness{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// start starts cmd, which must be, or become, a cat, and returns when the cat runs.
func start(cmd *exec.Cmd) (*witness, error) {
	w, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	if err := w.ping(); err != nil {
		w.end()
		return nil, err
	}
	return w, nil
}

// cloned starts a cat in new namespaces. The flags are set in the parent and take effect in
// clone(2): the child is born in the namespaces.
func cloned(flags uintptr) (*witness, error) {
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	return start(cmd)
}

// ask sends a line and returns the line that comes back.
func (w *witness) ask(line string) (string, error) {
	if _, err := fmt.Fprintln(w.in, line); err != nil {
		return "", err
	}
	return w.line()
}

// line reads what the witness says next.
func (w *witness) line() (string, error) {
	line, err := w.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s gave no sign of life: %w", w.cmd, err)
	}
	return strings.TrimSpace(line), nil
}

// ping has the cat send a line back. Only a process that runs can do that: when the line
// is here, clone(2) and execve(2) are behind us, and no signal has ended it.
func (w *witness) ping() error {
	got, err := w.ask("ping")
	if err != nil {
		return err
	}
	if got != "ping" {
		return fmt.Errorf("%s sent %q back", w.cmd, got)
	}
	return nil
}

func (w *witness) pid() int { return w.cmd.Process.Pid }

// end closes the witness's input, so that it ends by itself, and reaps it.
func (w *witness) end() error {
	w.in.Close()
	return w.cmd.Wait()
}

// ending waits for the witness and says what ended it: "SIGKILL", or "exit 3".
func (w *witness) ending() string {
	w.cmd.Wait() // its error is the very thing we report
	ws := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return unix.SignalName(ws.Signal())
	}
	return fmt.Sprintf("exit %d", ws.ExitStatus())
}
