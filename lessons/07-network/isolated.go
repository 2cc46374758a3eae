package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// isolatedPort: what the bridge itself can do, and what it leaves open.
var isolatedPort = proof.Proof{
	ID:    "isolated-port",
	Guest: isolate,
	Judge: func(s *proof.Seen) {
		s.Equal("before", "ok")
		s.Equal("between", "EHOSTUNREACH")
		s.Equal("host", "ok")
		s.Equal("honest", seats["alice"].mac.String())
		s.Equal("lied-to", seats["mallory"].mac.String())
		s.Equal("guarded", seats["alice"].mac.String())
	},
}

func isolate(r *proof.Report) error {
	m, err := newMachine("alice", "mallory")
	if err != nil {
		return err
	}
	defer m.close()
	alice := seats["alice"]
	from := func(name, key, question, to string) {
		m.in(name, func() error {
			r.Saw(key, question, answer(ping(to, patience)))
			return nil
		})
	}
	from("mallory", "before", "mallory: ping "+alice.addr, alice.addr)
	err = m.host.do(func() error {
		for _, port := range []string{"to-alice", "to-mallory"} {
			link, err := netlink.LinkByName(port)
			if err != nil {
				return err
			}
			if err := netlink.LinkSetIsolated(link, true); err != nil {
				return fmt.Errorf("netlink(IFLA_BRPORT_ISOLATED, %q): %w", port, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// What mallory knows already of alice's address she is to find out anew.
	if err := m.in("mallory", func() error { return errors.Join(forget("eth0", alice.addr), askOnce()) }); err != nil {
		return err
	}
	from("mallory", "between", "… bridge link set dev to-alice isolated on; ping "+alice.addr, alice.addr)
	from("alice", "host", "alice: ping "+hostAddr, hostAddr)
	return m.lieToTheHost(r)
}

// lieToTheHost: isolated ports hear the host, and the host hears them.
func (m *machine) lieToTheHost(r *proof.Report) error {
	alice := seats["alice"]
	where := func(key, question string) error {
		return m.host.do(func() error {
			mac, err := neighbour("br0", alice.addr)
			r.Saw(key, question, mac)
			return err
		})
	}
	// The kernel believes no second answer within a second; here is no need to wait for it.
	if err := m.host.do(func() error { return sysctl("ipv4/neigh/br0/locktime", "0") }); err != nil {
		return err
	}
	tell := func() error { return m.in("mallory", func() error { return claimToHost() }) }

	if err := where("honest", "the host: ip neigh show "+alice.addr); err != nil {
		return err
	}
	if err := tell(); err != nil {
		return err
	}
	if err := where("lied-to", "… after mallory's ARP answer"); err != nil {
		return err
	}
	if err := m.host.do(func() error { return guard("to-mallory", seats["mallory"]) }); err != nil {
		return err
	}
	// The truth comes back, by the same means as the lie.
	err := m.in("alice", func() error { return announce("alice") })
	if err != nil {
		return err
	}
	if err := tell(); err != nil {
		return err
	}
	return where("guarded", "… mallory's port is guarded, and she tells it again")
}

func claimToHost() error { return sendARP(seats["mallory"], seats["alice"].addr) }

// announce says the truth: a container's own addresses.
func announce(name string) error { return sendARP(seats[name], seats[name].addr) }

// sendARP tells the host that an IP address is at a hardware address, three times.
func sendARP(by seat, addr string) error {
	fd, err := listenTo("eth0", unix.ETH_P_ARP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	for range 3 {
		frame := arpAnswer(by.mac, addr, hostMAC, hostAddr)
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Attrs().Index, Halen: 6}); err != nil {
			return fmt.Errorf("sendto(AF_PACKET): %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// forget removes what the kernel has learned of an address.
func forget(name, addr string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	entries, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IP.String() == addr {
			return netlink.NeighDel(&e)
		}
	}
	return nil
}
