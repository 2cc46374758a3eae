package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"mydocker.example/shared/proof"
)

// bornInPlace: two ways to the same pair, and what each costs.
var bornInPlace = proof.Proof{
	ID:    "born-in-place",
	Guest: compareBirths,
	Judge: func(s *proof.Seen) {
		s.Equal("moved", "eth0")
		s.Equal("born", "eth0")
		s.Check(s.Int("moved-us") > s.Int("born-us"), "the move took no longer")
	},
}

const births = 5 // of which the median counts

func compareBirths(r *proof.Report) error {
	host, err := newSpace("host")
	if err != nil {
		return err
	}
	defer host.close()
	for _, way := range []struct {
		key, question string
		make          func(to *space) error
	}{
		{"moved", "RTM_NEWLINK here, IFLA_NET_NS_FD, IFLA_IFNAME", makeAndMove},
		{"born", "RTM_NEWLINK with the other end's namespace in it", func(to *space) error {
			_, err := addVeth("to-inside", to, "eth0", nil)
			return err
		}},
	} {
		var took []time.Duration
		for range births {
			inside, err := newSpace("inside")
			if err != nil {
				return err
			}
			err = host.do(func() error {
				start := time.Now()
				if err := way.make(inside); err != nil {
					return err
				}
				took = append(took, time.Since(start))
				return nil
			})
			if err != nil {
				return err
			}
			err = inside.do(func() error {
				end, err := netlink.LinkByName("eth0")
				if err == nil && len(took) == births {
					r.Saw(way.key, way.question, end.Attrs().Name)
				}
				return err
			})
			if err != nil {
				return err
			}
			if err := host.do(func() error { return removeLink("to-inside") }); err != nil {
				return err
			}
			inside.close()
		}
		slices.Sort(took)
		r.Saw(way.key+"-us", "… median, µs", fmt.Sprint(took[births/2].Microseconds()))
	}
	return nil
}

// makeAndMove is what one does by hand: both ends here, then one goes to the other
// namespace, where it gets the name that it could not have here.
func makeAndMove(to *space) error {
	veth := netlink.NewVeth(netlink.NewLinkAttrs())
	veth.LinkAttrs.Name, veth.PeerName = "to-inside", "its-end"
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("netlink(RTM_NEWLINK, veth): %w", err)
	}
	end, err := netlink.LinkByName("its-end")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetNsFd(end, int(to.file.Fd())); err != nil {
		return fmt.Errorf("netlink(IFLA_NET_NS_FD): %w", err)
	}
	err = to.do(func() error {
		end, err := netlink.LinkByName("its-end")
		if err != nil {
			return err
		}
		return netlink.LinkSetName(end, "eth0")
	})
	if err != nil {
		return fmt.Errorf("netlink(IFLA_IFNAME): %w", err)
	}
	here, err := netlink.LinkByName("to-inside")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(here)
}

func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}
