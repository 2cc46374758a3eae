package network

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A netlink socket belongs to the namespace in which it was made, for good. One that is made
// in the container's namespace sets it up from here: no program runs inside for it.
func handleAt(file *os.File) (*netlink.Handle, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("socket(AF_NETLINK) in %s: %w", file.Name(), err)
	}
	return h, nil
}

// Loopback starts the loopback device of a namespace: it is born down, and 127.0.0.1 dead.
// It is all that a container without a network gets.
func Loopback(netns *os.File) error {
	h, err := handleAt(netns)
	if err != nil {
		return err
	}
	defer h.Close()
	return loopback(h)
}

func loopback(h *netlink.Handle) error {
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("netlink(RTM_SETLINK, \"lo\", up): %w", err)
	}
	return nil
}

// setUpInside gives the container's end its address, starts it, and points all that is not
// for the subnet to the bridge.
func setUpInside(netns *os.File, e Endpoint) error {
	h, err := handleAt(netns)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := loopback(h); err != nil {
		return err
	}
	end, err := h.LinkByName(Inside)
	if err != nil {
		return fmt.Errorf("netlink(RTM_GETLINK, %q): %w", Inside, err)
	}
	if err := h.AddrAdd(end, &netlink.Addr{IPNet: ipNet(e.Address)}); err != nil {
		return fmt.Errorf("netlink(RTM_NEWADDR, %s, %q): %w", e.Address, Inside, err)
	}
	if err := h.LinkSetUp(end); err != nil {
		return fmt.Errorf("netlink(RTM_SETLINK, %q, up): %w", Inside, err)
	}
	// After the address: a gateway must be on a network that is reached already (ENETUNREACH).
	route := netlink.Route{LinkIndex: end.Attrs().Index, Gw: e.Gateway.AsSlice()}
	if err := h.RouteAdd(&route); err != nil {
		return fmt.Errorf("netlink(RTM_NEWROUTE, default via %s): %w", e.Gateway, err)
	}
	return nil
}
