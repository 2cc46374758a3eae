package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// bridgePing: what docker0 is.
var bridgePing = proof.Proof{
	ID:    "bridge-ping",
	Guest: buildBridge,
	Judge: func(s *proof.Seen) {
		s.Equal("alone", "EHOSTUNREACH")
		s.Equal("alice-bob", "ok")
		s.Equal("alice-host", "ok")
		s.Equal("host-bob", "ok")
		s.Equal("learned", "02:00:00:00:00:aa at to-alice, 02:00:00:00:00:bb at to-bob")
		s.Equal("neighbour", "02:00:00:00:00:bb")
	},
}

func buildBridge(r *proof.Report) error {
	m, err := newMachine("alice", "bob")
	if err != nil {
		return err
	}
	defer m.close()
	bob := seats["bob"].addr
	// Without the bridge: bob's cable is pulled out of it.
	if err := m.host.do(func() error { return plugged("to-bob", false) }); err != nil {
		return err
	}
	m.in("alice", func() error {
		if err := askOnce(); err != nil {
			return err
		}
		r.Saw("alone", "alice, bob's port not in the bridge: ping "+bob, answer(ping(bob, patience)))
		return nil
	})
	if err := m.host.do(func() error { return plugged("to-bob", true) }); err != nil {
		return err
	}
	m.in("alice", func() error {
		r.Saw("alice-bob", "alice: ping "+bob, answer(ping(bob, patience)))
		r.Saw("alice-host", "alice: ping "+hostAddr, answer(ping(hostAddr, patience)))
		mac, err := neighbour("eth0", bob)
		r.Saw("neighbour", "alice: ip neigh show "+bob, orError(mac, err))
		return nil
	})
	return m.host.do(func() error {
		r.Saw("host-bob", "the host: ping "+bob, answer(ping(bob, patience)))
		learned, err := forwardingTable("to-alice", "to-bob")
		r.Saw("learned", "the host: bridge fdb show br br0", learned)
		return err
	})
}

// plugIn makes a container's pair and puts the host's end into a bridge. A port that the
// message names as master is plugged in when it is made.
func plugIn(bridge, name string, container *space, mac net.HardwareAddr) error {
	br, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", bridge, err)
	}
	end, err := addVeth(name, container, "eth0", mac)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(end, br); err != nil {
		return fmt.Errorf("netlink(IFLA_MASTER, %q, %q): %w", name, bridge, err)
	}
	return nil
}

// plugged puts a port into br0 or takes it out.
func plugged(name string, in bool) error {
	end, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if !in {
		return netlink.LinkSetNoMaster(end)
	}
	br, err := netlink.LinkByName("br0")
	if err != nil {
		return err
	}
	return netlink.LinkSetMaster(end, br)
}

func setMAC(link netlink.Link, mac net.HardwareAddr) error {
	if err := netlink.LinkSetHardwareAddr(link, mac); err != nil {
		return fmt.Errorf("netlink(IFLA_ADDRESS, %q): %w", link.Attrs().Name, err)
	}
	return nil
}

// forwardingTable is what the bridge has learned of the given ports: which hardware address
// was seen as a sender there.
func forwardingTable(ports ...string) (string, error) {
	entries, err := netlink.NeighList(0, unix.AF_BRIDGE)
	if err != nil {
		return "", fmt.Errorf("netlink(RTM_GETNEIGH, AF_BRIDGE): %w", err)
	}
	var lines []string
	for _, port := range ports {
		link, err := netlink.LinkByName(port)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			// Permanent are the ports' own addresses.
			if e.LinkIndex == link.Attrs().Index && e.State&unix.NUD_PERMANENT == 0 && e.HardwareAddr[0] == 2 {
				lines = append(lines, fmt.Sprintf("%s at %s", e.HardwareAddr, port))
			}
		}
	}
	return strings.Join(lines, ", "), nil
}

// neighbour is the hardware address that the kernel has for an IP address (arp(7)).
func neighbour(name, addr string) (string, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return "", err
	}
	entries, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_V4)
	if err != nil {
		return "", fmt.Errorf("netlink(RTM_GETNEIGH): %w", err)
	}
	for _, e := range entries {
		if e.IP.String() == addr {
			return e.HardwareAddr.String(), nil
		}
	}
	return "(unknown)", nil
}

func orError(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// askOnce: who has this address? is asked three times, a second apart. Once will do where
// the answer is known to be missing.
func askOnce() error { return sysctl("ipv4/neigh/eth0/mcast_solicit", "1") }
