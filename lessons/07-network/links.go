package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// What ip(8) does, by netlink messages that the library writes for us. Each function acts
// on the network namespace of the calling thread.

// addVeth makes a pair: one end here, the other born in a namespace.
func addVeth(name string, peer *space, peerName string, peerMAC net.HardwareAddr) (netlink.Link, error) {
	veth := netlink.NewVeth(netlink.NewLinkAttrs())
	veth.LinkAttrs.Name = name
	veth.LinkAttrs.Flags = net.FlagUp
	veth.PeerName = peerName
	veth.PeerHardwareAddr = peerMAC // nil: the kernel's choice
	veth.PeerNamespace = netlink.NsFd(peer.file.Fd())
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("netlink(RTM_NEWLINK, veth %q, %q in %s): %w", name, peerName, peer.name, err)
	}
	return veth, nil
}

// addBridge makes a bridge with an address, and starts it.
func addBridge(name, addr string) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(bridge); err != nil {
		return nil, fmt.Errorf("netlink(RTM_NEWLINK, bridge %q): %w", name, err)
	}
	return bridge, setUp(name, addr)
}

// setUp gives an interface an address, "10.7.0.2/24" or "" for none, and starts it.
func setUp(name, addr string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", name, err)
	}
	if addr != "" {
		a, err := netlink.ParseAddr(addr)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, a); err != nil {
			return fmt.Errorf("netlink(RTM_NEWADDR, %s, %q): %w", addr, name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("netlink(RTM_NEWLINK, %q, IFF_UP): %w", name, err)
	}
	return nil
}

// addRoute sends what is for a network, "default" or "10.7.0.0/24", to a gateway.
func addRoute(name, network, gateway string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", name, err)
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(gateway)}
	if network != "default" {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return err
		}
		route.Dst = &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
	}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("netlink(RTM_NEWROUTE, %s via %s): %w", network, gateway, err)
	}
	return nil
}

// routeTable is the main table as `ip route` has it, shortened.
func routeTable() (string, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return "", fmt.Errorf("netlink(RTM_GETROUTE): %w", err)
	}
	var lines []string
	for _, route := range routes {
		link, err := netlink.LinkByIndex(route.LinkIndex)
		if err != nil {
			return "", err
		}
		line := "default"
		if route.Dst != nil && route.Dst.String() != "0.0.0.0/0" {
			line = route.Dst.String()
		}
		if route.Gw != nil {
			line += " via " + route.Gw.String()
		}
		lines = append(lines, line+" dev "+link.Attrs().Name)
	}
	if lines == nil {
		return "(none)", nil
	}
	return strings.Join(lines, ", "), nil
}

// awaitUp waits until the kernel has noticed that a link carries: it does so a little after
// the other end was started, and drops packets until then.
func awaitUp(name string) error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", name, err)
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
	}
	return fmt.Errorf("%s is not up", name)
}

// ageBridge says for how long a bridge remembers where it has seen somebody; 0: not at all.
func ageBridge(name string, ageing uint32) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", name, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Index = name, link.Attrs().Index
	if err := netlink.LinkModify(&netlink.Bridge{LinkAttrs: attrs, AgeingTime: &ageing}); err != nil {
		return fmt.Errorf("netlink(IFLA_BR_AGEING_TIME, %q): %w", name, err)
	}
	return nil
}
