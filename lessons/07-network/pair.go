package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// vethBothEnds: a cable with two plugs, looked at from both.
var vethBothEnds = proof.Proof{
	ID:    "veth-both-ends",
	Guest: lookFromBothEnds,
	Judge: func(s *proof.Seen) {
		s.Same("host-peer", "inside-index")
		s.Same("inside-peer", "host-index")
		s.Differ("host-index", "inside-index")
		s.Equal("half", "UP, NO-CARRIER")
		s.Equal("whole", "UP, LOWER_UP")
		s.Equal("ping", "ok")
		s.Check(s.Int("received") > 0, "nothing came out of the other end")
	},
}

func lookFromBothEnds(r *proof.Report) error {
	host, err := newSpace("host")
	if err != nil {
		return err
	}
	defer host.close()
	inside, err := newSpace("inside")
	if err != nil {
		return err
	}
	defer inside.close()

	err = host.do(func() error {
		// Something else first, so that the two ends get different numbers: each namespace
		// counts for itself.
		if _, err := addBridge("other", "10.7.2.1/24"); err != nil {
			return err
		}
		if _, err := addVeth("to-inside", inside, "eth0", nil); err != nil {
			return err
		}
		if err := setUp("to-inside", "10.7.1.1/30"); err != nil {
			return err
		}
		end, err := netlink.LinkByName("to-inside")
		if err != nil {
			return err
		}
		r.Sawf("host-index", "the host: cat /sys/class/net/to-inside/ifindex", "%d", end.Attrs().Index)
		r.Sawf("host-peer", "the host: … iflink, the other end's number", "%d", end.Attrs().ParentIndex)
		r.Saw("half", "the host: ip link show to-inside, the other end is down", carrier(end))
		return nil
	})
	if err != nil {
		return err
	}
	err = inside.do(func() error {
		end, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		r.Sawf("inside-index", "inside: cat /sys/class/net/eth0/ifindex", "%d", end.Attrs().Index)
		r.Sawf("inside-peer", "inside: … iflink", "%d", end.Attrs().ParentIndex)
		return setUp("eth0", "10.7.1.2/30")
	})
	if err != nil {
		return err
	}
	return host.do(func() error {
		if err := awaitUp("to-inside"); err != nil {
			return err
		}
		end, err := netlink.LinkByName("to-inside")
		if err != nil {
			return err
		}
		r.Saw("whole", "the host: … and when it is up", carrier(end))
		r.Saw("ping", "the host: ping 10.7.1.2", answer(ping("10.7.1.2", patience)))
		return inside.do(func() error {
			end, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			r.Saw("received", "inside: cat /sys/class/net/eth0/statistics/rx_packets", fmt.Sprint(end.Attrs().Statistics.RxPackets))
			return nil
		})
	})
}

// carrier tells, in the words of ip(8), whether an interface is up, and whether what it is
// connected to is.
func carrier(link netlink.Link) string {
	switch raw := link.Attrs().RawFlags; {
	case raw&unix.IFF_UP == 0:
		return "DOWN"
	case raw&unix.IFF_LOWER_UP == 0:
		return "UP, NO-CARRIER"
	}
	return "UP, LOWER_UP"
}
