package network

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// ResolvConf is /etc/resolv.conf for a container with a network of its own: the first of
// the host's that names a server which the container can reach, without those that it
// cannot. A server at 127.0.0.53 is the host's, and in the container 127.0.0.1 is the
// container. nil: none of them names one.
func ResolvConf(hosts ...[]byte) []byte {
	for _, text := range hosts {
		var out bytes.Buffer
		servers := 0
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) >= 2 && fields[0] == "nameserver" {
				addr, err := netip.ParseAddr(fields[1])
				// The container has IPv4 only.
				if err != nil || !addr.Is4() || addr.IsLoopback() || addr.IsUnspecified() {
					continue
				}
				servers++
			}
			out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
		if servers > 0 {
			return out.Bytes()
		}
	}
	return nil
}

// Hosts is /etc/hosts for a container. The zero address: it has none but loopback.
func Hosts(hostname string, addr netip.Addr) []byte {
	text := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	if !addr.IsValid() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if hostname != "" {
		text += fmt.Sprintf("%s\t%s\n", addr, hostname)
	}
	return []byte(text)
}
