package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// overheard: what comes to a third port of the bridge, when two others talk.
var overheard = proof.Proof{
	ID:    "overheard",
	Guest: listenAtTheBridge,
	Judge: func(s *proof.Seen) {
		s.Equal("ping", "ok")
		s.Equal("broadcast", "who has 10.7.0.3? tell 10.7.0.2")
		s.Equal("unicast", "0")
		s.Equal("flooded", "10.7.0.2 → 10.7.0.3")
	},
}

func listenAtTheBridge(r *proof.Report) error {
	m, err := newMachine("alice", "bob", "mallory")
	if err != nil {
		return err
	}
	defer m.close()
	var asked string
	pings := func() (count int, first string) {
		err = m.in("mallory", func() error {
			fd, err := listenTo("eth0", unix.ETH_P_ALL)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			m.in("alice", func() error {
				r.Saw("ping", "alice: ping 10.7.0.3", answer(ping(seats["bob"].addr, patience)))
				return nil
			})
			buf := make([]byte, 1<<16)
			for {
				n, from, err := unix.Recvfrom(fd, buf, 0)
				if errors.Is(err, unix.EAGAIN) {
					return nil // the queue is empty
				}
				if err != nil {
					return err
				}
				if own, ok := from.(*unix.SockaddrLinklayer); ok && own.Pkttype == unix.PACKET_OUTGOING {
					continue
				}
				if text := whoHas(buf[:n]); text != "" && asked == "" {
					asked = text
				}
				if kind, route := icmpIn(buf[:n]); kind == "request" {
					count, first = count+1, route
				}
			}
		})
		return count, first
	}
	count, _ := pings()
	if err != nil {
		return err
	}
	r.Saw("broadcast", "mallory has heard: ARP", asked)
	r.Sawf("unicast", "mallory has heard: ICMP, packets", "%d", count)

	// A bridge that does not know where somebody is asks nobody: it sends to all.
	err = m.host.do(func() error { return ageBridge("br0", 0) })
	if err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	_, route := pings()
	r.Saw("flooded", "… ip link set br0 type bridge ageing_time 0; mallory has heard: ICMP", route)
	return err
}

// whoHas reads an ARP question.
func whoHas(frame []byte) string {
	if len(frame) < 42 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_ARP || frame[21] != 1 {
		return ""
	}
	from, what := netip.AddrFrom4([4]byte(frame[28:32])), netip.AddrFrom4([4]byte(frame[38:42]))
	return "who has " + what.String() + "? tell " + from.String()
}
