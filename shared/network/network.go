// Package network connects a container: a bridge on the host, a pair of veth devices for
// each container, addresses, and the rules that keep the containers apart, let them out and
// let the published ports in.
//
// Lesson 07 teaches it: there every message to the kernel is shown raw, in its own files.
// What this version adds: the bridge and the rules are made once, by whoever comes first,
// and eight may come at once; nothing is written down beside the kernel's own tables, so
// that everything of a container is found from its id, and goes with its namespace when
// whoever made it was killed; a failure half-way takes back what it made; each container is
// held to its own addresses; and the host's 127.0.0.1 stays the host's.
//
// All functions act on the network namespace of the calling thread (network_namespaces(7)).
package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/undo"
)

// A Network is a bridge of the host and what hangs on it.
type Network struct {
	Bridge   string       // the name of the interface
	Subnet   netip.Prefix // its first address is the bridge's, the others are for containers
	Isolated bool         // containers hear the host, but not one another
	Lock     string       // a file that all who use the bridge lock
	Sysctl   string       // where the kernel's switches are
}

// Default is the network that mydocker uses.
var Default = Network{
	Bridge: "mydocker0",
	Subnet: netip.MustParsePrefix("10.77.0.0/16"),
	Lock:   "/run/mydocker-network.lock",
	Sysctl: "/proc/sys",
}

// An Endpoint is one container's place in a network.
type Endpoint struct {
	Interface string       // the host's end of the pair; the container's is Inside
	Address   netip.Prefix // of the container, with the length of the subnet
	Gateway   netip.Addr   // the bridge's own address
	MAC       string       // of the container's end
}

// Inside is what the container calls its end of the pair.
const Inside = "eth0"

// Options are what a container may ask for.
type Options struct {
	Ports []Port // published: packets from other machines are sent to the container
}

// Attach connects a network namespace, a container's, to the bridge, which it makes when
// there is none. It sets up both ends, loopback too. It is all or nothing.
func (n Network) Attach(id string, netns *os.File, o Options) (e Endpoint, err error) {
	if err := checkID(id); err != nil {
		return Endpoint{}, err
	}
	var u undo.Stack
	defer func() {
		if err != nil {
			err = errors.Join(err, u.Run())
		}
	}()
	e, err = n.addVeth(id, netns, &u)
	if err != nil {
		return Endpoint{}, err
	}
	// Before the container's end is up: nothing unfiltered may leave it.
	u.Push(func() error { return removeRules(id) })
	if err := addRules(id, e, o.Ports, n.Bridge); err != nil {
		return Endpoint{}, err
	}
	if err := setUpInside(netns, e); err != nil {
		return Endpoint{}, err
	}
	u.Release()
	awaitCarrier(e.Interface, n.Bridge)
	return e, nil
}

// addVeth makes the pair, with an address that nobody has. The lock is held from the look
// at the others' addresses until ours can be seen.
func (n Network) addVeth(id string, netns *os.File, u *undo.Stack) (Endpoint, error) {
	unlock, err := lock(n.Lock)
	if err != nil {
		return Endpoint{}, err
	}
	defer unlock()
	bridge, err := n.ensureBridge()
	if err != nil {
		return Endpoint{}, err
	}
	if err := n.ensureRules(); err != nil {
		return Endpoint{}, err
	}
	taken, err := addressesOn(bridge)
	if err != nil {
		return Endpoint{}, err
	}
	addr, err := free(n.Subnet, taken)
	if err != nil {
		return Endpoint{}, err
	}
	veth := netlink.NewVeth(netlink.LinkAttrs{
		Name:         hostEnd(id),
		HardwareAddr: mac(hostMAC, addr), // here is written whose address this is
		MasterIndex:  bridge.Attrs().Index,
		Flags:        net.FlagUp,
		TxQLen:       -1,
	})
	// The other end is born where it belongs: to move it there later takes ten times as long.
	veth.PeerName = Inside
	veth.PeerHardwareAddr = mac(containerMAC, addr)
	veth.PeerNamespace = netlink.NsFd(netns.Fd())
	// The call makes the pair and then plugs it in: it may have made it and fail. A pair
	// that was there before is another container's, and stays.
	if err := netlink.LinkAdd(veth); err != nil {
		if !errors.Is(err, unix.EEXIST) {
			err = errors.Join(err, removeLink(hostEnd(id)))
		}
		return Endpoint{}, fmt.Errorf("netlink(RTM_NEWLINK, veth %q): %w", hostEnd(id), err)
	}
	u.Push(func() error { return removeLink(hostEnd(id)) })
	if n.Isolated {
		if err := netlink.LinkSetIsolated(veth, true); err != nil {
			return Endpoint{}, fmt.Errorf("netlink(IFLA_BRPORT_ISOLATED, %q): %w", hostEnd(id), err)
		}
	}
	return n.endpoint(id, addr), nil
}

// Find looks up the place of a container. false: it has none here.
func (n Network) Find(id string) (Endpoint, bool, error) {
	if err := checkID(id); err != nil {
		return Endpoint{}, false, err
	}
	link, err := netlink.LinkByName(hostEnd(id))
	if notFound(err) {
		return Endpoint{}, false, nil
	}
	if err != nil {
		return Endpoint{}, false, fmt.Errorf("netlink(RTM_GETLINK, %q): %w", hostEnd(id), err)
	}
	addr, ok := addressIn(link.Attrs().HardwareAddr)
	if !ok {
		return Endpoint{}, false, fmt.Errorf("network: %s has the address %s: it is not mydocker's", hostEnd(id), link.Attrs().HardwareAddr)
	}
	return n.endpoint(id, addr), true, nil
}

// Detach removes whatever there is of a container, by its id. Nothing there is no error.
func (n Network) Detach(id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	// The guard goes with the interface; in this order nothing unfiltered passes meanwhile.
	return errors.Join(removeLink(hostEnd(id)), removeRules(id))
}

// Sweep removes the bridge and the rules of the network when no container is on it, and
// says whether it did.
func (n Network) Sweep() (swept bool, err error) {
	unlock, err := lock(n.Lock)
	if err != nil {
		return false, err
	}
	defer unlock()
	bridge, err := netlink.LinkByName(n.Bridge)
	if notFound(err) {
		return true, n.removeRules()
	}
	if err != nil {
		return false, fmt.Errorf("netlink(RTM_GETLINK, %q): %w", n.Bridge, err)
	}
	ports, err := portsOf(bridge)
	if err != nil || len(ports) > 0 {
		return false, err
	}
	return true, errors.Join(removeLink(n.Bridge), n.removeRules())
}

func (n Network) endpoint(id string, addr netip.Addr) Endpoint {
	return Endpoint{
		Interface: hostEnd(id),
		Address:   netip.PrefixFrom(addr, n.Subnet.Bits()),
		Gateway:   n.gateway(),
		MAC:       mac(containerMAC, addr).String(),
	}
}

// gateway is the bridge's own address, the first of the subnet.
func (n Network) gateway() netip.Addr { return n.Subnet.Masked().Addr().Next() }

// hostEnd is the name of the host's end: the id tells it. IFNAMSIZ allows 15 characters.
func hostEnd(id string) string { return "md" + id }

// checkID wants up to 13 characters of a-z and 0-9. (A regular expression would be compiled at
// each start of mydocker.)
func checkID(id string) error {
	if len(id) < 1 || len(id) > 13 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return fmt.Errorf("network: %q is no id: up to 13 characters of a-z and 0-9", id)
	}
	return nil
}
