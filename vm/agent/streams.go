//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/vm/internal/wire"
)

// streams are the descriptors of one command: the child's ends and ours.
type streams struct {
	stdin io.WriteCloser
	tty   *os.File // our end of the pseudo-terminal, or nil
	child []*os.File
	ours  []*os.File
	pumps sync.WaitGroup
}

// grace is how long the output of a finished command is still waited for: a process that it
// left behind may hold the pipe open for ever.
const grace = 300 * time.Millisecond

func (c *command) openStreams(req wire.ExecRequest) (*streams, error) {
	s := &streams{}
	var err error
	if req.TTY {
		err = c.openTTY(s, req)
	} else {
		err = c.openPipes(s, req)
	}
	if err == nil {
		err = c.pump(s, wire.Events)
	}
	if err != nil {
		s.closeChildSide()
		s.closeOurSide()
		return nil, err
	}
	return s, nil
}

func (c *command) openPipes(s *streams, req wire.ExecRequest) error {
	if req.Stdin {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s.child, s.ours, s.stdin = append(s.child, r), append(s.ours, w), w
	} else {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		s.child, s.stdin = append(s.child, null), nowhere{}
	}
	if err := c.pump(s, wire.Stdout); err != nil {
		return err
	}
	return c.pump(s, wire.Stderr)
}

// pump makes a pipe whose other end goes to the host as frames of one kind.
func (c *command) pump(s *streams, kind wire.Kind) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.child, s.ours = append(s.child, w), append(s.ours, r)
	s.pumps.Go(func() { carry(c.conn.Writer(kind, c.id), r) })
	return nil
}

// carry copies until the end, or until drain puts a deadline on r. What the command had
// written by then may still lie in the pipe, on a slow machine: it is taken without waiting.
func carry(to io.Writer, r *os.File) {
	if _, err := io.Copy(to, r); !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	r.SetReadDeadline(time.Time{})
	raw, err := r.SyscallConn()
	if err != nil {
		return
	}
	chunk := make([]byte, wire.MaxPayload)
	raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.Read(int(fd), chunk)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 { // EAGAIN: the rest is somebody else's, and yet to be written
				return true
			}
			to.Write(chunk[:n])
		}
	})
}

// openTTY makes a pseudo-terminal (pty(7)): the child has it as 0, 1 and 2, we have its master.
func (c *command) openTTY(s *streams, req wire.ExecRequest) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	s.ours = append(s.ours, master)
	var n int
	err = withFD(master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return fmt.Errorf("ioctl(TIOCSPTLCK): %w", err)
		}
		if n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
			return fmt.Errorf("ioctl(TIOCGPTN): %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	s.child = []*os.File{slave, slave, slave}
	s.tty, s.stdin = master, nowhereClose{master}
	setSize(master, wire.Size{Rows: req.Rows, Cols: req.Cols})
	s.pumps.Go(func() { carry(c.conn.Writer(wire.Stdout, c.id), master) })
	return nil
}

func (c *command) resize(payload []byte) {
	var size wire.Size
	if json.Unmarshal(payload, &size) == nil && c.tty != nil {
		setSize(c.tty, size)
	}
}

func setSize(tty *os.File, size wire.Size) {
	withFD(tty, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
}

// withFD lends the descriptor of f. File.Fd would do it too, and make reads block for good:
// drain could then no longer put an end to them.
func withFD(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// childFDs are the descriptors in the order of their numbers in the child: 0, 1, 2, eventsFD.
func (s *streams) childFDs() []uintptr {
	fds := make([]uintptr, eventsFD+1)
	for i, f := range s.child {
		fds[i] = f.Fd()
	}
	return fds
}

func (s *streams) closeChildSide() {
	for _, f := range s.child {
		f.Close()
	}
}

func (s *streams) closeOurSide() {
	for _, f := range s.ours {
		f.Close()
	}
}

// drain waits until the output is read to its end, but not for a stranger who holds it open.
func (s *streams) drain() {
	done := make(chan struct{})
	go func() {
		s.pumps.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(grace):
		deadline := time.Now()
		for _, f := range s.ours {
			f.SetReadDeadline(deadline)
		}
	}
	s.closeOurSide()
	<-done
}

// nowhere is the input of a command that wants none.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return 0, errors.New("the command has no input") }
func (nowhere) Close() error                { return nil }

// nowhereClose keeps the terminal open at the end of input: it closes when the command ends.
type nowhereClose struct{ io.Writer }

func (nowhereClose) Close() error { return nil }
