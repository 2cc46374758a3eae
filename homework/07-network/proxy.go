package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// The kernel's own forwarding does not lead from the loopback into a container: a packet
// from 127.0.0.1 never leaves the loopback (a martian), unless route_localnet is set, and
// with it a neighbour on the wire reaches what listens on our 127.0.0.1 (CVE-2020-8558). So
// for the loopback somebody has to accept a connection here and make another one there: the
// container's keeper, which lives exactly as long as the port is wanted.
//
//	a program here ──▶ 127.0.0.1:8080, the keeper ──▶ bridge ──▶ 172.29.0.2:80, the container

// A proxy holds one port of this machine, and hands on what comes.
type proxy struct {
	stream net.Listener   // tcp
	packet net.PacketConn // udp

	mu    sync.Mutex
	conns map[io.Closer]bool // what Close has to end; nil: it has been called
}

// holdPort takes a port: from now on nobody else gets it. network is "tcp" or "udp". Before the
// container is started, so that a port that is taken stops us in time.
func holdPort(network, address string) (p *proxy, err error) {
	p = &proxy{conns: map[io.Closer]bool{}}
	switch network {
	case "tcp":
		p.stream, err = net.Listen(network, address)
	case "udp":
		p.packet, err = net.ListenPacket(network, address)
	default:
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, fmt.Errorf("publish %s/%s: %w", address, network, err)
	}
	return p, nil
}

// address is what the proxy listens on: a port 0 has become a real one.
func (p *proxy) address() net.Addr {
	if p.stream != nil {
		return p.stream.Addr()
	}
	return p.packet.LocalAddr()
}

// serve hands on, until Close. target is the container's address and port.
func (p *proxy) serve(target string) {
	if p.stream != nil {
		p.serveStream(target)
	} else {
		p.servePacket(target)
	}
}

func (p *proxy) serveStream(target string) {
	for {
		here, err := p.stream.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptors left (EMFILE): some will come back
			time.Sleep(50 * time.Millisecond)
			continue
		}
		go func() {
			defer p.release(here)
			if !p.keep(here) {
				return
			}
			there, err := net.DialTimeout("tcp", target, 10*time.Second)
			if err != nil { // nobody listens there: the caller's connection ends at once
				here.(*net.TCPConn).SetLinger(0) // as a refusal (RST), not as an answer that is empty
				return
			}
			defer p.release(there)
			if !p.keep(there) {
				return
			}
			var both sync.WaitGroup
			both.Go(func() { pour(there.(*net.TCPConn), here.(*net.TCPConn)) })
			both.Go(func() { pour(here.(*net.TCPConn), there.(*net.TCPConn)) })
			both.Wait()
		}()
	}
}

// pour hands on one direction, and its end: the other direction may go on (shutdown(2)).
func pour(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil { // broken off: so are both
		to.SetLinger(0)
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}

// A datagram has no end: a caller who has been silent for so long is forgotten.
const udpSilence = 90 * time.Second

// servePacket gives each caller a socket of its own on the far side, so that the answers
// find back.
func (p *proxy) servePacket(target string) {
	callers := map[string]net.Conn{} // this goroutine's, and under p.mu
	buffer := make([]byte, 64<<10)
	for {
		n, caller, err := p.packet.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error for an answer of ours
			continue
		}
		p.mu.Lock()
		there := callers[caller.String()]
		p.mu.Unlock()
		if there == nil {
			if there, err = net.Dial("udp", target); err != nil || !p.keep(there) {
				continue
			}
			p.mu.Lock()
			callers[caller.String()] = there
			p.mu.Unlock()
			go func() {
				p.answers(there, caller)
				p.mu.Lock()
				delete(callers, caller.String())
				p.mu.Unlock()
				p.release(there)
			}()
		}
		there.SetReadDeadline(time.Now().Add(udpSilence))
		there.Write(buffer[:n]) // lost, as datagrams are, when nobody listens there
	}
}

func (p *proxy) answers(there net.Conn, caller net.Addr) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := there.Read(buffer)
		var end net.Error
		if errors.Is(err, net.ErrClosed) || errors.As(err, &end) && end.Timeout() {
			return
		}
		if err != nil { // refused, by ICMP: somebody may listen there later
			continue
		}
		p.packet.WriteTo(buffer[:n], caller)
	}
}

// keep notes a connection for Close; false: that has been called.
func (p *proxy) keep(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) release(c io.Closer) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	c.Close()
}

// Close gives the port back and ends what goes through it.
func (p *proxy) Close() error {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for c := range conns {
		c.Close()
	}
	if p.stream != nil {
		return p.stream.Close()
	}
	return p.packet.Close()
}
