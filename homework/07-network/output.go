package main

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// What a container prints goes through its keeper: into the log, and on to the caller. The
// command holds pipes, or a terminal of its own, and nothing that is the host's: what it
// has open it can open again, with other rights (proc_pid_fd(5)).

// A log is what a container has printed. When it is full it becomes the old one.
type log struct {
	mu   sync.Mutex
	path string
	file *os.File // nil: nothing printed yet
	size int
}

const logMax = 8 << 20

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size >= logMax {
		if err := errors.Join(l.file.Close(), os.Rename(l.path, oldLog(l.path))); err != nil {
			return 0, err
		}
		l.file, l.size = nil, 0
	}
	if l.file == nil {
		var err error
		if l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(p)
	l.size += n
	return n, err
}

func oldLog(path string) string { return path + ".1" }

// A tee writes to the log and to the caller. The container does not stop because the log
// cannot be written, or nobody wants to see it.
type tee struct {
	log    io.Writer
	caller *os.File // nil: nobody
}

func (t tee) Write(p []byte) (int, error) {
	t.log.Write(p)
	if t.caller == nil {
		return len(p), nil
	}
	return t.caller.Write(p)
}

// pipes are the ways in and out of a container without a terminal.
type pipes struct {
	stdin, stdout, stderr *os.File   // the container's ends
	ours                  []*os.File // the other ends, of stdout and stderr
	input                 *os.File   // that of stdin
	ended                 atomic.Bool
	read                  sync.WaitGroup
}

// newPipes makes them. Without interactive there is no input: stdin is nil.
func newPipes(interactive bool) (p *pipes, err error) {
	p = &pipes{}
	for _, end := range []**os.File{&p.stdout, &p.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.ours, *end = append(p.ours, r), w
	}
	if interactive {
		if p.stdin, p.input, err = os.Pipe(); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// own makes the pipes the container's root's: else it could not open /dev/stdout again.
func (p *pipes) own(uid, gid int) error {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			if err := f.Chown(uid, gid); err != nil {
				return err
			}
		}
	}
	return nil
}

// started lets go of the container's ends: only it is to hold them open.
func (p *pipes) started() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			f.Close()
		}
	}
}

func (p *pipes) close() {
	p.started()
	for _, f := range append(p.ours, p.input) {
		if f != nil {
			f.Close()
		}
	}
}

// carry begins to carry: from stdin, which may be nil for one that never says anything, and
// to the two writers.
func (p *pipes) carry(stdin *os.File, to ...io.Writer) {
	for i, from := range p.ours {
		p.read.Go(func() { p.out(from, to[i]) })
	}
	if p.input != nil && stdin != nil {
		go func() {
			io.Copy(p.input, stdin)
			p.input.Close()
		}()
	}
}

// out carries one stream. A caller who reads no more is the command's affair: we close the
// pipe, and it gets SIGPIPE as it would without us.
func (p *pipes) out(from *os.File, to io.Writer) {
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		if p.ended.Load() {
			from.SetReadDeadline(time.Now().Add(outputGrace))
		}
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// outputGrace is for output that somebody outside holds open, to whom the container has
// sent it (unix(7)): after the end nobody waits longer for it.
const outputGrace = time.Second

// finish is for when everybody in the container has ended: it returns when all is written.
func (p *pipes) finish() {
	p.ended.Store(true)
	for _, from := range p.ours {
		from.SetReadDeadline(time.Now().Add(outputGrace))
	}
	p.read.Wait()
}

// logOf is the log of a container.
func logOf(s store.Store, id string) *log { return &log{path: s.Log(id)} }

// nothing replaces one of our own standard descriptors by /dev/null.
func nothing(fds ...int) error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	for _, fd := range fds {
		if err := unix.Dup3(null, fd, 0); err != nil {
			return err
		}
	}
	return nil
}
