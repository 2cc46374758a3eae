package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

// The tests play the host in a network namespace of their own, and so need no host.

// host moves the test into a namespace that has the network of the tests.
func host(t *testing.T) Network {
	t.Helper()
	labtest.NewNetNS(t)
	if _, err := must(nftables.New()).ListTables(); err != nil {
		if os.Getenv("COURSE_LAB") == "1" {
			t.Fatal(err)
		}
		t.Skipf("needs nftables: %v", err)
	}
	n := Default
	n.Lock = filepath.Join(t.TempDir(), "lock")
	require.NoError(t, Loopback(open(t, "/proc/thread-self/ns/net")))
	return n
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// space is a namespace with nobody in it.
func space(t *testing.T) *os.File {
	t.Helper()
	made := make(chan *os.File, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread stays where it is, and ends
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- nil
			return
		}
		f, _ := os.Open("/proc/thread-self/ns/net")
		made <- f
	}()
	f := <-made
	require.NotNil(t, f)
	t.Cleanup(func() { f.Close() })
	return f
}

// in runs fn on a thread that is in a namespace.
func in(t *testing.T, ns *os.File, fn func() error) {
	t.Helper()
	require.NoError(t, try(ns, fn))
}

func try(ns *os.File, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	return <-done
}

// serve answers every connection in a namespace with a word and the caller's address.
func serve(t *testing.T, ns *os.File, addr, word string) {
	t.Helper()
	in(t, ns, func() error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "%s to %s", word, c.RemoteAddr().(*net.TCPAddr).IP)
				c.Close()
			}
		}()
		return nil
	})
}

func ask(addr string) (string, error) { return askFor(addr, 10*time.Second) }

func askFor(addr string, limit time.Duration) (string, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	word, err := io.ReadAll(c)
	return string(word), err
}

func attach(t *testing.T, n Network, id string, ns *os.File, o Options) Endpoint {
	t.Helper()
	e, err := n.Attach(id, ns, o)
	require.NoError(t, err)
	return e
}

// remains is what there is of a network: interfaces and tables.
func remains(t *testing.T) (names []string) {
	t.Helper()
	links, err := netlink.LinkList()
	require.NoError(t, err)
	for _, l := range links {
		if l.Attrs().Name != "lo" {
			names = append(names, l.Attrs().Name)
		}
	}
	c, err := nftables.New()
	require.NoError(t, err)
	tables, err := c.ListTables()
	require.NoError(t, err)
	for _, table := range tables {
		names = append(names, "table "+table.Name)
	}
	return names
}

func TestContainersTalk(t *testing.T) {
	n := host(t)
	a, b := space(t), space(t)
	ea := attach(t, n, "aaaaaaaaaaaa", a, Options{})
	eb := attach(t, n, "bbbbbbbbbbbb", b, Options{})
	assert.Equal(t, "10.77.0.2/16", ea.Address.String())
	assert.Equal(t, "10.77.0.3/16", eb.Address.String())
	assert.Equal(t, "mdaaaaaaaaaaaa", ea.Interface)
	serve(t, b, ":80", "hello")
	in(t, a, func() error {
		got, err := ask("10.77.0.3:80")
		assert.Equal(t, "hello to 10.77.0.2", got)
		return err
	})
	got, err := ask("10.77.0.3:80")
	require.NoError(t, err)
	assert.Equal(t, "hello to 10.77.0.1", got)

	found, ok, err := n.Find("bbbbbbbbbbbb")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, eb, found)

	swept, err := n.Sweep()
	require.NoError(t, err)
	assert.False(t, swept, "somebody is on it")
	for _, id := range []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb", "bbbbbbbbbbbb", "never"} {
		require.NoError(t, n.Detach(id))
	}
	_, ok, err = n.Find("bbbbbbbbbbbb")
	require.NoError(t, err)
	assert.False(t, ok)
	for range 2 {
		swept, err = n.Sweep()
		require.NoError(t, err)
		assert.True(t, swept)
	}
	assert.Empty(t, remains(t))
}

// world is a further namespace: another machine, on the host's other side.
func world(t *testing.T) *os.File {
	t.Helper()
	w := space(t)
	veth := netlink.NewVeth(netlink.LinkAttrs{Name: "uplink", Flags: net.FlagUp, TxQLen: -1})
	veth.PeerName, veth.PeerNamespace = "eth0", netlink.NsFd(w.Fd())
	require.NoError(t, netlink.LinkAdd(veth))
	require.NoError(t, netlink.AddrAdd(veth, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix("192.0.2.1/24"))}))
	in(t, w, func() error {
		eth, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix("192.0.2.9/24"))}); err != nil {
			return err
		}
		return netlink.LinkSetUp(eth)
	})
	return w
}

func TestTheWorld(t *testing.T) {
	n := host(t)
	w, a := world(t), space(t)
	serve(t, w, ":80", "the world")
	attach(t, n, "aaaaaaaaaaaa", a, Options{Ports: []Port{
		must(ParsePort("8080:80")), must(ParsePort("192.0.2.1:8081:80")), must(ParsePort("127.0.0.1:8082:80")),
	}})
	serve(t, a, ":80", "published")
	in(t, a, func() error {
		got, err := ask("192.0.2.9:80")
		assert.Equal(t, "the world to 192.0.2.1", got, "NAT: the container's own address is not known there")
		return err
	})
	in(t, w, func() error {
		for _, port := range []string{"8080", "8081"} {
			got, err := ask("192.0.2.1:" + port)
			if err != nil {
				return err
			}
			assert.Equal(t, "published to 192.0.2.9", got, "the container sees who calls")
		}
		_, err := ask("192.0.2.1:8082")
		assert.ErrorIs(t, err, unix.ECONNREFUSED, "published on 127.0.0.1 only")

		// Another machine may know where the subnet is, and is not let in by the back door.
		eth, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		gw := netip.MustParseAddr("192.0.2.1")
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Dst: ipNet(n.Subnet), Gw: gw.AsSlice()}); err != nil {
			return err
		}
		_, err = askFor("10.77.0.2:80", time.Second)
		var timeout net.Error
		assert.True(t, errors.As(err, &timeout) && timeout.Timeout(), "%v", err)
		return nil
	})
	require.NoError(t, n.Detach("aaaaaaaaaaaa"))
	for _, name := range remains(t) {
		assert.NotContains(t, name, "aaaa")
	}
}

// forge sends an ARP answer from a namespace: an address is at this hardware address.
func forge(t *testing.T, ns *os.File, claimed netip.Addr, to netip.Addr, toMAC net.HardwareAddr, from net.HardwareAddr) {
	t.Helper()
	in(t, ns, func() error {
		eth, err := netlink.LinkByName(Inside)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		frame := append(append(append([]byte{}, toMAC...), from...), 0x08, 0x06)
		frame = append(frame, 0, 1, 8, 0, 6, 4, 0, 2)
		frame = append(append(frame, from...), claimed.AsSlice()...)
		frame = append(append(frame, toMAC...), to.AsSlice()...)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth.Attrs().Index, Halen: 6})
	})
}

func TestNobodyPretends(t *testing.T) {
	n := host(t)
	a, m := space(t), space(t)
	ea := attach(t, n, "aaaaaaaaaaaa", a, Options{})
	em := attach(t, n, "mmmmmmmmmmmm", m, Options{})
	serve(t, a, ":80", "hello")
	_, err := ask("10.77.0.2:80") // the host has a in its table now
	require.NoError(t, err)
	bridge, err := netlink.LinkByName(n.Bridge)
	require.NoError(t, err)
	mallory, err := net.ParseMAC(em.MAC)
	require.NoError(t, err)
	where := func() string {
		list, err := netlink.NeighList(bridge.Attrs().Index, netlink.FAMILY_V4)
		require.NoError(t, err)
		for _, entry := range list {
			if entry.IP.String() == "10.77.0.2" {
				return entry.HardwareAddr.String()
			}
		}
		return ""
	}
	require.Equal(t, ea.MAC, where())
	// For a second after one answer the kernel believes no other (arp(7), locktime).
	require.NoError(t, n.setSwitch("net/ipv4/neigh/"+n.Bridge+"/locktime", "0"))
	lie := func() {
		for range 3 {
			forge(t, m, ea.Address.Addr(), ea.Gateway, bridge.Attrs().HardwareAddr, mallory)
		}
		time.Sleep(50 * time.Millisecond)
	}
	lie()
	assert.Equal(t, ea.MAC, where())
	// The control: without the rules the same lie is believed.
	require.NoError(t, removeRules("mmmmmmmmmmmm"))
	lie()
	assert.Equal(t, em.MAC, where())
}

func TestIsolated(t *testing.T) {
	n := host(t)
	n.Isolated = true
	a, b := space(t), space(t)
	attach(t, n, "aaaaaaaaaaaa", a, Options{})
	attach(t, n, "bbbbbbbbbbbb", b, Options{})
	serve(t, b, ":80", "hello")
	_, err := ask("10.77.0.3:80")
	require.NoError(t, err, "the host is no neighbour")
	_, err = askFrom(a, "10.77.0.3:80")
	assert.Error(t, err)
	// By way of the host: its hardware address for the neighbour's IP address.
	in(t, a, func() error {
		eth, err := netlink.LinkByName(Inside)
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{
			LinkIndex: eth.Attrs().Index, IP: net.IPv4(10, 77, 0, 3), State: netlink.NUD_PERMANENT,
			HardwareAddr: mac(containerMAC, n.gateway()),
		})
	})
	_, err = askFrom(a, "10.77.0.3:80")
	assert.Error(t, err)
}

func askFrom(ns *os.File, addr string) (got string, err error) {
	err = try(ns, func() error {
		got, err = askFor(addr, time.Second)
		return err
	})
	return got, err
}

// TestGone: nobody detached it, its last process ended.
func TestGone(t *testing.T) {
	n := host(t)
	a := space(t)
	attach(t, n, "aaaaaaaaaaaa", a, Options{Ports: []Port{must(ParsePort("8080:80"))}})
	require.NoError(t, a.Close())
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, ok, err := n.Find("aaaaaaaaaaaa")
		require.NoError(t, err)
		if !ok {
			break
		}
		require.True(t, time.Now().Before(deadline), "the pair outlives its namespace")
	}
	b := space(t)
	eb := attach(t, n, "bbbbbbbbbbbb", b, Options{})
	assert.Equal(t, "10.77.0.2/16", eb.Address.String(), "the lease went with the interface")
	require.NoError(t, n.Detach("aaaaaaaaaaaa")) // what the kernel cannot know of
	require.NoError(t, n.Detach("bbbbbbbbbbbb"))
	swept, err := n.Sweep()
	require.NoError(t, err)
	assert.True(t, swept)
	assert.Empty(t, remains(t))
}

// TestHalfWay: each step is made to fail, and takes back what was before it.
func TestHalfWay(t *testing.T) {
	n := host(t)
	a := space(t)
	attach(t, n, "aaaaaaaaaaaa", a, Options{})
	before := remains(t)
	for name, ns := range map[string]*os.File{
		"no namespace":      open(t, os.DevNull),
		"eth0 is there":     a,
		"its own namespace": open(t, "/proc/thread-self/ns/uts"),
	} {
		_, err := n.Attach("bbbbbbbbbbbb", ns, Options{})
		assert.Error(t, err, name)
		assert.Equal(t, before, remains(t), name)
	}
	b := space(t)
	in(t, b, func() error { // the last step fails: the address is taken
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetUp(lo), netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: ipNet(netip.MustParsePrefix("0.0.0.0/0"))}))
	})
	_, err := n.Attach("bbbbbbbbbbbb", b, Options{Ports: []Port{must(ParsePort("8080:80"))}})
	assert.ErrorIs(t, err, unix.EEXIST)
	assert.Equal(t, before, remains(t))

	_, err = n.Attach("aaaaaaaaaaaa", space(t), Options{})
	assert.ErrorIs(t, err, unix.EEXIST)
	assert.Equal(t, before, remains(t), "the one who was first keeps his place")
	_, err = n.Attach("../x", a, Options{})
	assert.Error(t, err)
}

// TestEightAtOnce: the bridge is made once, and no two get the same address.
func TestEightAtOnce(t *testing.T) {
	n := host(t)
	here := open(t, "/proc/thread-self/ns/net")
	var mu sync.Mutex
	got := map[string]string{}
	var all sync.WaitGroup
	for i := range 8 {
		ns := space(t)
		all.Go(func() {
			assert.NoError(t, try(here, func() error {
				id := fmt.Sprintf("c%d", i)
				e, err := n.Attach(id, ns, Options{Ports: []Port{must(ParsePort(fmt.Sprintf("%d:80", 9000+i)))}})
				mu.Lock()
				defer mu.Unlock()
				got[e.Address.String()] = id
				return err
			}))
		})
	}
	all.Wait()
	assert.Len(t, got, 8)
	for i := range 8 {
		require.NoError(t, n.Detach(fmt.Sprintf("c%d", i)))
	}
	swept, err := n.Sweep()
	require.NoError(t, err)
	assert.True(t, swept)
	assert.Empty(t, remains(t))
}

func TestProxy(t *testing.T) {
	n := host(t)
	a := space(t)
	e := attach(t, n, "aaaaaaaaaaaa", a, Options{})
	serve(t, a, ":80", "proxied")
	p, err := Listen(must(ParsePort("127.0.0.1::80")))
	require.NoError(t, err)
	assert.NotZero(t, p.Port().Host.Port())
	_, err = Listen(p.Port())
	assert.ErrorIs(t, err, unix.EADDRINUSE)
	// The proxy's goroutines dial, and belong on a thread of this namespace: as in a keeper,
	// which is in the host's with all its threads. Here the callers are brought over instead.
	conn, err := net.Dial("tcp", p.Port().Host.String())
	require.NoError(t, err)
	defer conn.Close()
	accepted, err := p.stream.Accept()
	require.NoError(t, err)
	passed := make(chan struct{})
	here := open(t, "/proc/thread-self/ns/net")
	go func() {
		try(here, func() error {
			passOn(accepted.(*net.TCPConn), netip.AddrPortFrom(e.Address.Addr(), 80).String())
			return nil
		})
		close(passed)
	}()
	word, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "proxied to 10.77.0.1", string(word))
	conn.Close()
	<-passed
	require.NoError(t, p.Close())
}

func TestProxyPackets(t *testing.T) {
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer echo.Close()
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			echo.WriteTo([]byte(strings.ToUpper(string(buf[:n]))), from)
		}
	}()
	at := echo.LocalAddr().(*net.UDPAddr).AddrPort()
	p, err := Listen(Port{Host: netip.MustParseAddrPort("127.0.0.1:0"), Container: at.Port(), Proto: "udp"})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- p.Serve(at.Addr()) }()
	c, err := net.Dial("udp", p.Port().Host.String())
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		_, err = c.Write([]byte("ping"))
		require.NoError(t, err)
		buf := make([]byte, 10)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := c.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "PING", string(buf[:n]))
	}
	require.NoError(t, p.Close())
	require.NoError(t, <-served)
}
