package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// captured: one packet on its way, seen at each place that it passes.
var captured = proof.Proof{
	ID:    "captured",
	Guest: followAPacket,
	Judge: func(s *proof.Seen) {
		const inner, outer = "10.7.0.2 → 192.0.2.9", "192.0.2.1 → 192.0.2.9"
		s.Equal("ping", "ok")
		s.Equal("request at alice's eth0", inner)
		s.Equal("request at to-alice", inner)
		s.Equal("request at br0", inner)
		s.Equal("request at uplink", outer)
		s.Equal("request at the world's eth0", outer)
		s.Equal("reply at the world's eth0", "192.0.2.9 → 192.0.2.1")
		s.Equal("reply at uplink", "192.0.2.9 → 192.0.2.1")
		s.Equal("reply at br0", "192.0.2.9 → 10.7.0.2")
		s.Equal("reply at alice's eth0", "192.0.2.9 → 10.7.0.2")
	},
}

func followAPacket(r *proof.Report) error {
	m, err := newMachine("alice")
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.addWorld(); err != nil {
		return err
	}
	err = m.host.do(func() error { return errors.Join(sysctl("ipv4/ip_forward", "1"), masquerade()) })
	if err != nil {
		return err
	}
	places := []struct {
		name string
		in   *space
		link string
	}{
		{"alice's eth0", m.containers["alice"], "eth0"},
		{"to-alice", m.host, "to-alice"},
		{"br0", m.host, "br0"},
		{"uplink", m.host, "uplink"},
		{"the world's eth0", m.world, "eth0"},
	}
	var taps []*tap
	for _, p := range places {
		err := p.in.do(func() error {
			t, err := newTap(p.name, p.link)
			if err == nil {
				taps = append(taps, t)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	m.in("alice", func() error {
		r.Saw("ping", "alice: ping "+worldAddr, answer(ping(worldAddr, patience)))
		return nil
	})
	seen := map[string]string{}
	for _, t := range taps {
		for kind, route := range t.close() {
			seen[kind+" at "+t.name] = route
		}
	}
	for _, p := range places {
		r.Saw("request at "+p.name, "request at "+p.name, seen["request at "+p.name])
	}
	for i := range places {
		p := places[len(places)-1-i]
		r.Saw("reply at "+p.name, "reply at "+p.name, seen["reply at "+p.name])
	}
	return nil
}

// A tap hears all frames of one interface, sent and received: what tcpdump does (packet(7)).
type tap struct {
	name string
	fd   int
	done sync.WaitGroup
	end  atomic.Bool
	seen map[string]string // "request", "reply": "from → to", of the first that passed
}

// htons: packet(7) takes its protocol in network order.
func htons(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// listenTo opens a packet socket on an interface of the calling thread's namespace.
func listenTo(link string, protocol uint16) (fd int, err error) {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return -1, fmt.Errorf("netlink(RTM_GETLINK, %q): %w", link, err)
	}
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_PACKET, SOCK_RAW): %w", err)
	}
	at := &unix.SockaddrLinklayer{Protocol: htons(protocol), Ifindex: l.Attrs().Index}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind(AF_PACKET, %q): %w", link, err)
	}
	return fd, timeout(fd, 100*time.Millisecond)
}

func newTap(name, link string) (*tap, error) {
	fd, err := listenTo(link, unix.ETH_P_ALL)
	if err != nil {
		return nil, err
	}
	t := &tap{name: name, fd: fd, seen: map[string]string{}}
	t.done.Go(t.listen)
	return t, nil
}

func (t *tap) listen() {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(t.fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) && t.end.Load() {
			return // all that had come is read
		}
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if kind, route := icmpIn(buf[:n]); kind != "" && t.seen[kind] == "" {
			t.seen[kind] = route
		}
	}
}

// close ends the tap when it has read what the kernel keeps for it.
func (t *tap) close() map[string]string {
	t.end.Store(true)
	t.done.Wait()
	unix.Close(t.fd)
	return t.seen
}

// icmpIn reads an Ethernet frame: 14 bytes of header, then IPv4, then ICMP.
func icmpIn(frame []byte) (kind, route string) {
	if len(frame) < 14+20+8 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IP {
		return "", ""
	}
	ip := frame[14:]
	from, to := netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	header := int(ip[0]&0xf) * 4
	if ip[9] != unix.IPPROTO_ICMP || len(ip) <= header {
		return "", ""
	}
	switch ip[header] {
	case 8:
		kind = "request"
	case 0:
		kind = "reply"
	}
	return kind, fmt.Sprintf("%s → %s", from, to)
}

// echoes counts the echo requests that have reached the world.
func (m *machine) echoes() int {
	count := -1
	m.world.do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err == nil {
			count = snmp(string(text), "Icmp:", "InEchos")
		}
		return err
	})
	return count
}

// snmp finds a number in /proc/net/snmp: a line of names, then a line of numbers.
func snmp(text, table, name string) int {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != table {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			var value int
			if n == name && i < len(fields) {
				fmt.Sscan(fields[i], &value)
				return value
			}
		}
	}
	return -1
}

func removeDefault(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	routes, err := netlink.RouteList(link, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if route.Gw != nil {
			return netlink.RouteDel(&route)
		}
	}
	return errors.New("no default route")
}
