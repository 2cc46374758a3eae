package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/vm/internal/wire"
)

// A Cmd is a command in the guest. Argv[0] is looked for on the guest's PATH, where /lab/bin
// comes first. Output streams while the command runs; a nil writer discards it.
type Cmd struct {
	Argv    []string
	Env     []string // added to the guest's own environment
	Dir     string   // "" = the user's home
	User    string   // "" = root; "student" is the lab's ordinary user
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Events  io.Writer        // what the command writes to descriptor 3
	TTY     bool             // a pseudo-terminal; Stderr is then part of Stdout
	Rows    uint16           // its first size
	Cols    uint16           //
	Resize  <-chan [2]uint16 // rows and columns, when they change
	Timeout time.Duration    // on a machine that is not emulated: multiplied by Scale; 0 = none
}

// killGrace is how long a killed command may take to be gone before the guest counts as hung.
const killGrace = 5 * time.Second

// Run runs the command to its end and returns its exit code as a shell would report it:
// 128+n for signal n, 126 and 127 when it did not start. The error is for what is not the
// command's own doing: ErrDied, ErrTimeout, or the end of ctx; the command is then killed.
func (g *Guest) Run(ctx context.Context, c Cmd) (int, error) {
	id, frames, done := g.talk()
	defer done()
	request := wire.ExecRequest{
		Argv: c.Argv, Env: c.Env, Dir: c.Dir, User: c.User,
		TTY: c.TTY, Rows: c.Rows, Cols: c.Cols, Stdin: c.Stdin != nil,
	}
	if err := g.conn.SendJSON(wire.Exec, id, request); err != nil {
		return 0, g.died(err)
	}
	if c.Stdin != nil {
		go g.sendStdin(id, c.Stdin)
	}
	limit := neverUnless(c.Timeout * time.Duration(g.Scale()))
	for {
		select {
		case f := <-frames:
			if f.Kind == wire.Exit {
				return exitCode(f.Payload, c)
			}
			deliver(f, c)
		case size := <-c.Resize:
			g.conn.SendJSON(wire.Resize, id, wire.Size{Rows: size[0], Cols: size[1]})
		case <-limit:
			g.stop(id, frames, c)
			return 0, fmt.Errorf("%w: %s ran longer than %v", ErrTimeout, c.Argv[0], c.Timeout*time.Duration(g.Scale()))
		case <-ctx.Done():
			g.stop(id, frames, c)
			return 0, ctx.Err()
		case <-g.dead:
			for len(frames) > 0 { // what it said before it died
				deliver(<-frames, c)
			}
			return 0, g.died(nil)
		}
	}
}

func neverUnless(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

func deliver(f wire.Frame, c Cmd) {
	out := map[wire.Kind]io.Writer{wire.Stdout: c.Stdout, wire.Stderr: c.Stderr, wire.Events: c.Events}[f.Kind]
	if out != nil {
		out.Write(f.Payload)
	}
}

func exitCode(payload []byte, c Cmd) (int, error) {
	var report wire.ExitReport
	if err := json.Unmarshal(payload, &report); err != nil {
		return 0, err
	}
	if report.Error != "" && c.Stderr != nil {
		fmt.Fprintf(c.Stderr, "lab: %s\n", report.Error)
	}
	return report.Code, nil
}

// stop kills the command and takes what it still says, for a bounded time.
func (g *Guest) stop(id uint32, frames <-chan wire.Frame, c Cmd) {
	if g.conn.Send(wire.Signal, id, []byte{byte(unix.SIGKILL)}) != nil {
		return
	}
	limit := time.After(killGrace)
	for {
		select {
		case f := <-frames:
			if f.Kind == wire.Exit {
				return
			}
			deliver(f, c)
		case <-g.dead:
			return
		case <-limit:
			return
		}
	}
}

// sendStdin ends with the input, or with the guest. A read that waits for a person is left
// waiting: there is no portable way to take it back.
func (g *Guest) sendStdin(id uint32, in io.Reader) {
	_, err := io.Copy(g.conn.Writer(wire.Stdin, id), in)
	if err == nil || errors.Is(err, io.EOF) {
		g.conn.Send(wire.StdinEOF, id, nil)
	}
}

// Output runs a command and returns what it wrote to its standard output. A command that
// fails is an error that carries its code and its standard error.
func (g *Guest) Output(ctx context.Context, argv ...string) (string, error) {
	var out, errs bytes.Buffer
	code, err := g.Run(ctx, Cmd{Argv: argv, Stdout: &out, Stderr: &errs})
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit code %d: %s", argv[0], code, &errs)
	}
	return out.String(), err
}
