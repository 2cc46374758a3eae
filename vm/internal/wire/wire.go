// Package wire is what the host and the agent in the guest say to each other over one
// virtio-serial port: frames, each with a kind, the number of the conversation that it
// belongs to, and a payload.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Kind says what a frame is.
type Kind byte

const (
	Ready Kind = iota + 1 // guest: booted, waiting
	Wake                  // host: a WakeUp; begins every session, cold or warm
	Awake                 // guest: clock and random pool are set

	Exec     // host: an ExecRequest
	Stdin    // host: bytes for the command
	StdinEOF // host: no more of them
	Resize   // host: a Size
	Signal   // host: one byte, a signal's number, to the command's process group
	Stdout   // guest: bytes
	Stderr   // guest: bytes
	Events   // guest: bytes that the command wrote to descriptor 3
	Exit     // guest: an ExitReport; the conversation is over

	Put     // host: a PutRequest
	PutData // host: bytes of the file
	PutEnd  // host: the file is whole; answered by Exit
	Fetch   // host: the path of a folder
	Data    // guest: bytes of a tar stream; ended by Exit

	Ping // host: are you there
	Pong // guest: yes
)

// MaxPayload is the largest payload of one frame, in bytes: what virtio_console takes in one write.
const MaxPayload = 32 << 10

const headerSize = 9

// A Frame is one message.
type Frame struct {
	Kind    Kind
	ID      uint32 // of the conversation; 0 for Ready, Wake, Awake, Ping, Pong
	Payload []byte
}

// WakeUp carries what a restored guest cannot know: what time it is, fresh randomness, and
// whether this host shows it a folder.
type WakeUp struct {
	Now   time.Time
	Seed  []byte
	Share bool
}

// ExecRequest starts a command. Strings are as in execve(2).
type ExecRequest struct {
	Argv  []string
	Env   []string // added to the agent's default environment
	Dir   string
	User  string // "" or "root", else a name in /etc/passwd
	TTY   bool
	Rows  uint16
	Cols  uint16
	Stdin bool // the host will send Stdin frames
}

// ExitReport ends a conversation. Code is as a shell reports it: 128+n for signal n.
type ExitReport struct {
	Code  int
	Error string // why there is no code
}

// PutRequest announces a file. Mode is the permission bits.
type PutRequest struct {
	Path string
	Mode uint32
}

// Size of a terminal, in characters.
type Size struct{ Rows, Cols uint16 }

// A Conn writes whole frames, from any goroutine; one goroutine reads.
type Conn struct {
	r  io.Reader
	w  io.Writer
	mu sync.Mutex
}

// NewConn returns a Conn over rw.
func NewConn(rw io.ReadWriter) *Conn { return &Conn{r: rw, w: rw} }

// Send writes one frame; a payload that is too long goes as several of the same kind.
func (c *Conn) Send(kind Kind, id uint32, payload []byte) error {
	for {
		part := payload[:min(len(payload), MaxPayload)]
		payload = payload[len(part):]
		buf := make([]byte, headerSize+len(part))
		buf[0] = byte(kind)
		binary.BigEndian.PutUint32(buf[1:], id)
		binary.BigEndian.PutUint32(buf[5:], uint32(len(part)))
		copy(buf[headerSize:], part)
		c.mu.Lock()
		_, err := c.w.Write(buf)
		c.mu.Unlock()
		if err != nil {
			return fmt.Errorf("write to the lab's port: %w", err)
		}
		if len(payload) == 0 {
			return nil
		}
	}
}

// SendJSON sends v, which must fit into one frame.
func (c *Conn) SendJSON(kind Kind, id uint32, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > MaxPayload {
		return fmt.Errorf("a request of %d bytes is longer than one frame (%d)", len(data), MaxPayload)
	}
	return c.Send(kind, id, data)
}

// Receive reads one frame. It returns io.EOF when the other side is gone.
func (c *Conn) Receive() (Frame, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{Kind: Kind(head[0]), ID: binary.BigEndian.Uint32(head[1:])}
	n := binary.BigEndian.Uint32(head[5:])
	if n > MaxPayload {
		return Frame{}, fmt.Errorf("a frame of %d bytes on the lab's port: the two sides are out of step", n)
	}
	f.Payload = make([]byte, n)
	_, err := io.ReadFull(c.r, f.Payload)
	return f, err
}

// Writer returns an io.Writer that sends what it is given as frames of one kind.
func (c *Conn) Writer(kind Kind, id uint32) io.Writer { return writer{c, kind, id} }

type writer struct {
	c    *Conn
	kind Kind
	id   uint32
}

func (w writer) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := w.c.Send(w.kind, w.id, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
