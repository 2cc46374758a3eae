package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ensureBridge makes the bridge, or finds it, in whatever state somebody left it who was
// killed on the way: each step may have been done already. The caller holds the lock.
func (n Network) ensureBridge() (netlink.Link, error) {
	if !n.Subnet.Addr().Is4() || n.Subnet.Bits() > 30 {
		return nil, fmt.Errorf("network: %s is no IPv4 subnet with room for containers", n.Subnet)
	}
	link, err := netlink.LinkByName(n.Bridge)
	if err == nil && link.Type() != "bridge" {
		return nil, fmt.Errorf("network: %s is no bridge, but a %s", n.Bridge, link.Type())
	}
	if err == nil && link.Attrs().Flags&net.FlagUp != 0 {
		return link, nil // up is the last step
	}
	if err != nil && !notFound(err) {
		return nil, fmt.Errorf("netlink(RTM_GETLINK, %q): %w", n.Bridge, err)
	}
	if err != nil {
		snooping := false // who listens to which group is of no interest among a few containers
		attrs := netlink.NewLinkAttrs()
		attrs.Name = n.Bridge
		// Given, for else the bridge takes the lowest address of its ports, and changes it as
		// containers come and go.
		attrs.HardwareAddr = mac(containerMAC, n.gateway())
		link = &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
		if err := netlink.LinkAdd(link); err != nil {
			return nil, fmt.Errorf("netlink(RTM_NEWLINK, bridge %q): %w", n.Bridge, err)
		}
	}
	// Before the bridge is up: the host must not believe a container that says it is an IPv6
	// router (CVE-2020-13401). A kernel without IPv6 has no such file.
	if err := n.setSwitch("net/ipv6/conf/"+n.Bridge+"/disable_ipv6", "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// Packets that are for somebody else are passed on. docker does the same, and leaves it.
	if err := n.setSwitch("net/ipv4/ip_forward", "1"); err != nil {
		return nil, err
	}
	own := netip.PrefixFrom(n.gateway(), n.Subnet.Bits())
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(own)}); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("netlink(RTM_NEWADDR, %s, %q): %w", own, n.Bridge, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("netlink(RTM_SETLINK, %q, up): %w", n.Bridge, err)
	}
	return link, nil
}

// setSwitch writes to a file below /proc/sys, unless it says the same already.
func (n Network) setSwitch(name, value string) error {
	path := filepath.Join(n.Sysctl, name)
	now, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(now)) == value {
		return nil
	}
	return os.WriteFile(path, []byte(value), 0)
}

// awaitCarrier waits until the kernel has noticed that both ends are up: it does so a little
// later, in a work queue, and until then drops what is sent. The resend comes after a second.
// A link that takes longer is not worth failing for.
func awaitCarrier(names ...string) {
	deadline := time.Now().Add(time.Second)
	for _, name := range names {
		for time.Now().Before(deadline) {
			link, err := netlink.LinkByName(name)
			if err != nil || link.Attrs().OperState == netlink.OperUp {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// portsOf are the interfaces that are plugged into a bridge.
func portsOf(bridge netlink.Link) ([]netlink.Link, error) {
	all, err := netlink.LinkList()
	// A list that changed while it was read is told as such (NLM_F_DUMP_INTR). A port of ours
	// cannot have come meanwhile, we hold the lock; one that went is no loss.
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("netlink(RTM_GETLINK): %w", err)
	}
	var ports []netlink.Link
	for _, link := range all {
		if link.Attrs().MasterIndex == bridge.Attrs().Index {
			ports = append(ports, link)
		}
	}
	return ports, nil
}

// addressesOn are the addresses that the ports of a bridge lease.
func addressesOn(bridge netlink.Link) (map[netip.Addr]bool, error) {
	ports, err := portsOf(bridge)
	if err != nil {
		return nil, err
	}
	taken := map[netip.Addr]bool{}
	for _, port := range ports {
		if addr, ok := addressIn(port.Attrs().HardwareAddr); ok {
			taken[addr] = true
		}
	}
	return taken, nil
}

// removeLink removes an interface, and so the other end of a pair. None is no error.
func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil && !notFound(err) {
		return fmt.Errorf("netlink(RTM_DELLINK, %q): %w", name, err)
	}
	return nil
}

// notFound: there is no such interface, or no longer.
func notFound(err error) bool {
	var none netlink.LinkNotFoundError
	return errors.As(err, &none) || errors.Is(err, unix.ENODEV)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
