package reexec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Handshake holds the child back until the parent has set up what only the parent can
// (ID maps, a cgroup, the network), and carries the child's failure to the parent:
//
//	parent                              child
//	h, err := NewHandshake(cmd)
//	h.Start()          ── clone(2) ──→  h, err := Join()   waits
//	…sets it up…
//	err = h.Proceed()  ── one byte ──→  …mounts, drops…
//	   waits           ←── the error ── h.Fail(err)
//	   or              ←── EOF ──────── execve(2): the descriptor closes by itself
//
// Both directions are one pair of connected sockets (socketpair(2)), so that the child
// needs one descriptor only.
type Handshake struct {
	cmd   *exec.Cmd // in the parent
	conn  *os.File  // our end
	child *os.File  // in the parent, until Start: the child's end
}

// handshakeEnv names the child's descriptor to the child.
const handshakeEnv = "REEXEC_HANDSHAKE"

// ErrParentGone is what Join returns when the parent ended or gave up.
var ErrParentGone = errors.New("reexec: the parent has given up")

// NewHandshake is the parent's first step, before clone(2): it adds the child's end to cmd.
func NewHandshake(cmd *exec.Cmd) (*Handshake, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair(AF_UNIX): %w", err)
	}
	h := &Handshake{cmd: cmd, conn: os.NewFile(uintptr(fds[0]), "handshake"), child: os.NewFile(uintptr(fds[1]), "handshake")}
	fd := 3 + len(cmd.ExtraFiles) // os/exec: entry i becomes descriptor 3+i
	cmd.ExtraFiles = append(cmd.ExtraFiles, h.child)
	cmd.Env = append(cmd.Environ(), handshakeEnv+"="+strconv.Itoa(fd))
	return h, nil
}

// Start starts the child, in the parent. The child runs up to Join.
func (h *Handshake) Start() error {
	err := h.cmd.Start()
	// The parent must not keep the child's end open, or it would never read EOF.
	h.child.Close()
	if err != nil {
		h.conn.Close()
	}
	return err
}

// Proceed lets the child go on, in the parent, and waits for its word. nil: the child has
// executed its program, or died without a word, which cmd.Wait will tell. Else the child's
// failure; errors.Is finds its errno.
func (h *Handshake) Proceed() error {
	defer h.conn.Close()
	if _, err := h.conn.Write([]byte{1}); err != nil && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("write(handshake): %w", err)
	}
	word, err := io.ReadAll(h.conn)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("read(handshake): %w", err)
	}
	if len(word) == 0 {
		return nil
	}
	var failure ChildError
	if err := json.Unmarshal(word, &failure); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return &failure
}

// Abort tells the child to give up, in the parent: its Join returns ErrParentGone.
func (h *Handshake) Abort() { h.conn.Close() }

// Join is the child's first step, after clone(2) and the second execve(2): it waits until
// the parent has called Proceed.
func Join() (*Handshake, error) {
	fd, err := strconv.Atoi(os.Getenv(handshakeEnv))
	if err != nil {
		return nil, fmt.Errorf("reexec: no %s: was this started by hand?", handshakeEnv)
	}
	os.Unsetenv(handshakeEnv)
	unix.CloseOnExec(fd) // execve(2) then is the word that all went well
	h := &Handshake{conn: os.NewFile(uintptr(fd), "handshake")}
	if _, err := io.ReadFull(h.conn, make([]byte, 1)); err != nil {
		h.conn.Close()
		return nil, ErrParentGone
	}
	return h, nil
}

// Fail tells the parent why the child cannot go on, in the child, before it exits.
func (h *Handshake) Fail(failure error) {
	word := ChildError{Text: failure.Error()}
	errors.As(failure, &word.Errno)
	if data, err := json.Marshal(word); err == nil {
		h.conn.Write(data) // a parent that is gone need not know
	}
	h.conn.Close()
}

// Done tells the parent that all went well, in a child that executes nothing.
func (h *Handshake) Done() { h.conn.Close() }

// A ChildError is an error that happened in the child.
type ChildError struct {
	Text  string     `json:"text"`
	Errno unix.Errno `json:"errno,omitempty"`
}

func (e *ChildError) Error() string { return e.Text }

// Unwrap keeps the errno for errors.Is.
func (e *ChildError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}
