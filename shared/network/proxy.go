package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Proxy passes on, in a program of the host, what comes to a published port: from the host
// itself, and from the containers. What comes from other machines the kernel passes on,
// by the rules of Attach. The proxy also keeps the port from everybody else: a second one
// gets EADDRINUSE, and a crash gives it back.
type Proxy struct {
	port   Port
	stream net.Listener   // tcp
	packet net.PacketConn // udp
}

// Listen takes the port of the host.
func Listen(p Port) (*Proxy, error) {
	host := p.Host.String()
	if p.Host.Addr().IsUnspecified() {
		host = fmt.Sprintf(":%d", p.Host.Port()) // ::1 too, where there is one
	}
	proxy := &Proxy{port: p}
	var at net.Addr
	var err error
	if p.Proto == "udp" {
		proxy.packet, err = net.ListenPacket("udp", host)
	} else {
		proxy.stream, err = net.Listen("tcp", host)
	}
	if err != nil {
		return nil, err
	}
	if proxy.stream != nil {
		at = proxy.stream.Addr()
	} else {
		at = proxy.packet.LocalAddr()
	}
	taken, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	proxy.port.Host = netip.AddrPortFrom(p.Host.Addr(), taken.Port())
	return proxy, nil
}

// Port is what was asked for, with the number of the port that was taken.
func (p *Proxy) Port() Port { return p.port }

// Close gives the port back and ends Serve.
func (p *Proxy) Close() error {
	if p.stream != nil {
		return p.stream.Close()
	}
	return p.packet.Close()
}

// Serve passes on until Close.
func (p *Proxy) Serve(container netip.Addr) error {
	to := netip.AddrPortFrom(container, p.port.Container).String()
	if p.stream != nil {
		return p.serveStream(to)
	}
	return p.servePackets(to)
}

func (p *Proxy) serveStream(to string) error {
	for {
		conn, err := p.stream.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // EMFILE and the like: others will close theirs
			continue
		}
		go passOn(conn.(*net.TCPConn), to)
	}
}

// passOn carries one connection, each direction until its own end.
func passOn(conn *net.TCPConn, to string) {
	defer conn.Close()
	out, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		conn.SetLinger(0) // whoever calls gets a reset, as from a port where nobody listens
		return
	}
	defer out.Close()
	var both sync.WaitGroup
	copyTo := func(dst, src *net.TCPConn) {
		io.Copy(dst, src)
		dst.CloseWrite()
	}
	both.Go(func() { copyTo(out.(*net.TCPConn), conn) })
	both.Go(func() { copyTo(conn, out.(*net.TCPConn)) })
	both.Wait()
}

const (
	packetIdle  = time.Minute // after which an answer is no longer waited for
	packetPeers = 1024        // who wait for answers at once
)

// servePackets: UDP has no connections, so each sender gets a socket of its own, where the
// answers to it arrive.
func (p *Proxy) servePackets(to string) error {
	var mu sync.Mutex
	peers := map[string]net.Conn{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, out := range peers {
			out.Close()
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, from, err := p.packet.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			continue
		}
		mu.Lock()
		out := peers[from.String()]
		full := len(peers) >= packetPeers
		mu.Unlock()
		if out == nil {
			if full {
				continue // as a network does with what is too much
			}
			if out, err = net.Dial("udp", to); err != nil {
				continue
			}
			mu.Lock()
			peers[from.String()] = out
			mu.Unlock()
			go func() {
				p.answer(out, from)
				mu.Lock()
				delete(peers, from.String())
				mu.Unlock()
			}()
		}
		out.SetReadDeadline(time.Now().Add(packetIdle))
		out.Write(buf[:n])
	}
}

// answer carries answers back until there have been none for a while.
func (p *Proxy) answer(out net.Conn, to net.Addr) {
	defer out.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := out.Read(buf)
		if err != nil {
			return // idle, closed, or nobody listens there
		}
		p.packet.WriteTo(buf[:n], to)
		out.SetReadDeadline(time.Now().Add(packetIdle))
	}
}
