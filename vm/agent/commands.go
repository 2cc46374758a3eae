//go:build linux

package main

import (
	"sync"

	"mydocker.example/vm/internal/wire"
)

// commands are the programs that run now, by the number of their conversation.
type commands struct {
	conn *wire.Conn
	mu   sync.Mutex
	byID map[uint32]*command
}

func newCommands(conn *wire.Conn) *commands {
	return &commands{conn: conn, byID: map[uint32]*command{}}
}

// start registers the command before it runs: the next frame may already be its input.
func (cs *commands) start(id uint32, req wire.ExecRequest) {
	c := &command{conn: cs.conn, id: id, in: newQueue()}
	cs.mu.Lock()
	cs.byID[id] = c
	cs.mu.Unlock()
	go func() {
		c.run(req)
		cs.mu.Lock()
		delete(cs.byID, id)
		cs.mu.Unlock()
	}()
}

// deliver hands a frame to its command. A command that has ended no longer wants any.
func (cs *commands) deliver(f wire.Frame) {
	cs.mu.Lock()
	c := cs.byID[f.ID]
	cs.mu.Unlock()
	if c == nil {
		return
	}
	if f.Kind == wire.Signal && len(f.Payload) == 1 {
		c.signal(f.Payload[0])
		return
	}
	c.in.put(f)
}

// A queue holds frames until their command takes them. It has no limit: the host is trusted
// not to send more input than the guest has memory.
type queue struct {
	mu     sync.Mutex
	wake   *sync.Cond
	frames []wire.Frame
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.wake = sync.NewCond(&q.mu)
	return q
}

func (q *queue) put(f wire.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames = append(q.frames, f)
	q.wake.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Broadcast()
}

// next waits for a frame; false means that there will be none.
func (q *queue) next() (wire.Frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.frames) == 0 && !q.closed {
		q.wake.Wait()
	}
	if q.closed {
		return wire.Frame{}, false
	}
	f := q.frames[0]
	q.frames = q.frames[1:]
	return f, true
}
