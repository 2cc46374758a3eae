package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePort(t *testing.T) {
	for text, want := range map[string]string{
		"80":                    "0.0.0.0:0->80/tcp",
		"8080:80":               "0.0.0.0:8080->80/tcp",
		"8080:80/udp":           "0.0.0.0:8080->80/udp",
		"127.0.0.1:8080:80/tcp": "127.0.0.1:8080->80/tcp",
		"127.0.0.1::80":         "127.0.0.1:0->80/tcp",
		":80":                   "0.0.0.0:0->80/tcp",
	} {
		p, err := ParsePort(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, p.String(), text)
	}
	for _, bad := range []string{"", "x", "0", "8080:", "8080:0", "65536:80", "80:65536", "-1:80", "+1:80", "1:2:3:4",
		"localhost:1:2", "[::1]:1:2", "80/sctp", "80/", "8080-8081:80", " 80"} {
		_, err := ParsePort(bad)
		assert.Error(t, err, bad)
	}
}

func TestFree(t *testing.T) {
	subnet := netip.MustParsePrefix("10.0.0.0/29") // .0 the subnet's, .1 the bridge's, .7 for all
	taken := map[netip.Addr]bool{}
	for _, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"} {
		got, err := free(subnet, taken)
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
		taken[got] = true
	}
	_, err := free(subnet, taken)
	assert.ErrorContains(t, err, "no address is left in 10.0.0.0/29")
	delete(taken, netip.MustParseAddr("10.0.0.4"))
	got, err := free(subnet, taken)
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.4", got.String())
}

func TestLease(t *testing.T) {
	addr := netip.MustParseAddr("10.77.1.200")
	hw := mac(hostMAC, addr)
	assert.Equal(t, "fe:4d:0a:4d:01:c8", hw.String())
	got, ok := addressIn(hw)
	assert.True(t, ok)
	assert.Equal(t, addr, got)
	for _, other := range []string{"02:4d:0a:4d:01:c8", "52:54:00:12:34:56"} {
		_, ok := addressIn([]byte(other))
		assert.False(t, ok)
	}
	assert.LessOrEqual(t, len(hostEnd("0123456789ab")), 15)
}

func TestResolvConf(t *testing.T) {
	stub := []byte("# systemd\nnameserver 127.0.0.53\noptions edns0\n")
	real := []byte("nameserver 192.0.2.53\nnameserver ::1\nnameserver 127.0.0.1\nsearch example.org")
	assert.Equal(t, "nameserver 192.0.2.53\nsearch example.org\n", string(ResolvConf(stub, real)))
	assert.Nil(t, ResolvConf(stub))
	assert.Nil(t, ResolvConf(nil, []byte("nameserver\n")))
}

func TestHosts(t *testing.T) {
	assert.Contains(t, string(Hosts("web", netip.MustParseAddr("10.77.0.2"))), "\n10.77.0.2\tweb\n")
	assert.Contains(t, string(Hosts("web", netip.Addr{})), "\n127.0.0.1\tweb\n")
	assert.Equal(t, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", string(Hosts("", netip.Addr{})))
}
