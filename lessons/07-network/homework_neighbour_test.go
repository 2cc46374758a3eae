package main_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkNeighbour: the attacks of the lesson, from a container of the mydocker under test.
func checkNeighbour(t *grade.T) {
	root := netRoot(t)
	alice, mallory := startGuest(t, root), startGuest(t, root)
	wa, wm := wired(t, alice), wired(t, mallory)
	abstractName(t, mallory)
	backDoorTo(t, alice, wa)
	arpLie(t, alice, wa, mallory, wm)
	dismiss(t, alice, mallory)
}

// settled is how long a lie may take to be believed.
const settled = 100 * time.Millisecond

// abstractName: the host's abstract sockets are the host's.
func abstractName(t *grade.T, mallory guest) {
	t.Helper()
	name := fmt.Sprintf("@homework-%d", os.Getpid())
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Broken(err)
	}
	defer l.Close()
	try := func(path string) (answer string) {
		visit(t, path, func() error {
			c, err := net.Dial("unix", name)
			if answer = "ok"; err != nil {
				answer = errnoOf(err)
				return nil
			}
			return c.Close()
		})
		return answer
	}
	if got := try(here); got != "ok" {
		t.Broken(fmt.Errorf("the host does not reach its own abstract socket: %s", got))
	}
	if got := try(mallory.ns()); got != "ECONNREFUSED" {
		t.Saw("from a container: connect("+name+")", got)
		t.Wrong("abstract",
			"a container reaches an abstract Unix socket of the host. See proof `abstract-socket`.",
			"контейнер достаёт до абстрактного Unix-сокета хоста. См. доказательство `abstract-socket`.")
	}
}

// backDoorTo: a port that was not published, from a machine that has a route to the bridge.
func backDoorTo(t *grade.T, alice guest, wa wiring) {
	t.Helper()
	greet(t, alice.ns(), ":80", "alice")
	port := wa.addr.String() + ":80"
	if got := call(t, here, port, callLimit); !strings.HasPrefix(got, "alice") {
		t.Saw("the host: connect("+port+")", got)
		t.Wrong("no-host", "the host does not reach its container. See proof `bridge-ping`.", "хост не достаёт до своего контейнера. См. доказательство `bridge-ping`.")
	}
	world := outside(t)
	err := visit(t, world, func() error {
		eth, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{
			LinkIndex: eth.Attrs().Index, Gw: net.ParseIP(outsideHost),
			Dst: &net.IPNet{IP: wa.addr, Mask: net.CIDRMask(32, 32)},
		})
	})
	if err != nil {
		t.Broken(err)
	}
	if got := call(t, world, port, noLimit); strings.HasPrefix(got, "alice") {
		t.Saw("from another machine, with a route by the host: connect("+port+")", got)
		t.Wrong("back-door",
			"another machine reaches a port that nobody has published: the host forwards for everybody. See proof `back-door`.",
			"другая машина достаёт до порта, которого никто не публиковал: хост пересылает кому угодно. См. доказательство `back-door`.")
	}
}

// arpLie: mallory tells alice that the gateway is at her hardware address. That the lie
// would be believed, if it came, the host shows by telling one itself.
func arpLie(t *grade.T, alice guest, wa wiring, mallory guest, wm wiring) {
	t.Helper()
	bridge := bridgeWith(t, wa.gateway)
	tell := func(path, link string, from net.HardwareAddr) {
		err := visit(t, path, func() error { return sendLie(link, from, wa.gateway, wa.mac, wa.addr) })
		if err != nil {
			t.Broken(err)
		}
		time.Sleep(settled)
	}
	believes := func() (mac string) {
		visit(t, alice.ns(), func() error {
			l, err := netlink.LinkByName(wa.link)
			if err != nil {
				return err
			}
			list, err := netlink.NeighList(l.Attrs().Index, netlink.FAMILY_V4)
			for _, n := range list {
				if n.IP.Equal(wa.gateway) {
					mac = n.HardwareAddr.String()
				}
			}
			return err
		})
		return mac
	}
	// Alice has to know the gateway before she can be told otherwise, and to believe a second
	// answer within a second of the first (arp(7), locktime).
	greet(t, here, wa.gateway.String()+":18091", "host")
	call(t, alice.ns(), wa.gateway.String()+":18091", callLimit)
	err := visit(t, alice.ns(), func() error {
		return os.WriteFile("/proc/sys/net/ipv4/neigh/"+wa.link+"/locktime", []byte("0"), 0)
	})
	if err != nil {
		t.Broken(err)
	}
	t.Saw("in alice's container: ip neigh show "+wa.gateway.String(), believes())
	tell(mallory.ns(), wm.link, wm.mac)
	if got := believes(); got == wm.mac.String() {
		t.Saw("… after mallory's ARP answer", got)
		t.Wrong("arp-lie",
			"a container was told by its neighbour that the gateway is at the neighbour's address, and believes it: all that it sends goes there now. See proof `arp-mitm`.",
			"сосед сказал контейнеру, что шлюз находится по адресу соседа, и тот поверил: теперь всё, что он посылает, идёт туда. См. доказательство `arp-mitm`.")
	}
	control := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	tell(here, bridge.Attrs().Name, control)
	if got := believes(); got != control.String() {
		t.Broken(fmt.Errorf("a lie of the host's is not believed either: %s", got))
	}
	tell(here, bridge.Attrs().Name, bridge.Attrs().HardwareAddr)
}

// bridgeWith is the host's interface that has the containers' gateway address.
func bridgeWith(t *grade.T, gateway net.IP) netlink.Link {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Broken(err)
	}
	for _, l := range links {
		addrs, _ := netlink.AddrList(l, netlink.FAMILY_V4)
		for _, a := range addrs {
			if a.IP.Equal(gateway) {
				return l
			}
		}
	}
	t.Wrong("no-bridge",
		"the container's gateway %s is no address of the host",
		"шлюз контейнера %s не является адресом хоста", gateway)
	return nil
}

// sendLie says to somebody, three times, that addr is at from (RFC 826).
func sendLie(link string, from net.HardwareAddr, addr net.IP, toMAC net.HardwareAddr, to net.IP) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket(AF_PACKET): %w", err)
	}
	defer unix.Close(fd)
	var f []byte
	f = append(append(append(f, toMAC...), from...), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2)
	f = append(append(append(append(f, from...), addr.To4()...), toMAC...), to.To4()...)
	for range 3 {
		if err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index, Halen: 6}); err != nil {
			return fmt.Errorf("sendto(AF_PACKET): %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
