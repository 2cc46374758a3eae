package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A Port is a port of the container that the host publishes.
type Port struct {
	Host      netip.AddrPort `json:"host"` // 0.0.0.0: all of the host's addresses; port 0: any that is free
	Container uint16         `json:"container"`
	Proto     string         `json:"proto"` // "tcp", "udp"
}

// ParsePort reads a port as docker writes it: [[address:]host:]container[/tcp|udp].
func ParsePort(text string) (Port, error) {
	refuse := func(why string) (Port, error) {
		return Port{}, fmt.Errorf("port %q: %s; it is [[address:]hostPort:]containerPort[/tcp|udp]", text, why)
	}
	rest, proto, found := strings.Cut(text, "/")
	if !found {
		proto = "tcp"
	}
	if proto != "tcp" && proto != "udp" {
		return refuse(fmt.Sprintf("there is no protocol %q", proto))
	}
	parts := strings.Split(rest, ":")
	if len(parts) > 3 {
		return refuse("too many colons (an IPv6 address cannot be published)")
	}
	container, err := portNumber(parts[len(parts)-1])
	if err != nil || container == 0 {
		return refuse(fmt.Sprintf("%q is no port of a container", parts[len(parts)-1]))
	}
	var host uint16
	if len(parts) > 1 && parts[len(parts)-2] != "" {
		host, err = portNumber(parts[len(parts)-2])
		if err != nil {
			return refuse(fmt.Sprintf("%q is no port", parts[len(parts)-2]))
		}
	}
	addr := netip.IPv4Unspecified()
	if len(parts) == 3 {
		addr, err = netip.ParseAddr(parts[0])
		if err != nil || !addr.Is4() {
			return refuse(fmt.Sprintf("%q is no IPv4 address", parts[0]))
		}
	}
	return Port{netip.AddrPortFrom(addr, host), container, proto}, nil
}

func portNumber(text string) (uint16, error) {
	if strings.HasPrefix(text, "+") {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err
}

// String is as docker shows it: 0.0.0.0:8080->80/tcp.
func (p Port) String() string { return fmt.Sprintf("%s->%d/%s", p.Host, p.Container, p.Proto) }
