package network

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
)

// An address is leased by an interface: the hardware address of the host's end ends in the
// four bytes of the container's IP address. The lease begins when the pair is made and ends
// when it goes, and the kernel removes the pair when the container's namespace ends.
var (
	hostMAC      = []byte{0xfe, 0x4d} // locally administered; also the sign that the pair is ours
	containerMAC = []byte{0x02, 0x4d}
)

// mac is a hardware address made of a prefix and an IP address.
func mac(prefix []byte, addr netip.Addr) net.HardwareAddr {
	ip := addr.As4()
	return append(append(net.HardwareAddr{}, prefix...), ip[:]...)
}

// addressIn is the IP address that a host's end leases.
func addressIn(hw net.HardwareAddr) (netip.Addr, bool) {
	if len(hw) != 6 || !bytes.HasPrefix(hw, hostMAC) {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(hw[2:])), true
}

// free is the first address of a subnet that is nobody's: not the subnet's own, not the
// bridge's, not the broadcast address.
func free(subnet netip.Prefix, taken map[netip.Addr]bool) (netip.Addr, error) {
	network := subnet.Masked().Addr()
	for addr := network.Next().Next(); subnet.Contains(addr.Next()); addr = addr.Next() {
		if !taken[addr] {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("network: no address is left in %s", subnet)
}
