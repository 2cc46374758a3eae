package main

import (
	"fmt"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// wayOut: four things are needed before a container reaches a machine beyond its host. Each
// step adds one, and says what the lack of the next looks like.
var wayOut = proof.Proof{
	ID:    "way-out",
	Guest: findTheWayOut,
	Judge: func(s *proof.Seen) {
		s.Equal("no-route", "ENETUNREACH")
		s.Equal("no-forwarding", "EAGAIN")
		s.Equal("world-heard-nothing", "0")
		s.Equal("no-nat", "EAGAIN")
		s.Check(s.Int("world-heard") > 0, "the request did not arrive")
		s.Equal("nat", "ok")
		s.Equal("who", "the world; you are "+outerAddr)
	},
}

func findTheWayOut(r *proof.Report) error {
	m, err := newMachine("alice")
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.addWorld(); err != nil {
		return err
	}
	try := func(key, question string, tries int) {
		m.in("alice", func() error {
			r.Saw(key, question, answer(ping(worldAddr, tries)))
			return nil
		})
	}
	if err := m.in("alice", func() error { return removeDefault("eth0") }); err != nil {
		return err
	}
	try("no-route", "alice, no default route: ping "+worldAddr, 1)

	if err := m.in("alice", func() error { return addRoute("eth0", "default", hostAddr) }); err != nil {
		return err
	}
	if err := m.host.do(func() error { return sysctl("ipv4/ip_forward", "0") }); err != nil {
		return err
	}
	try("no-forwarding", "ip route add default via "+hostAddr+"; ping", impatience)
	r.Sawf("world-heard-nothing", "requests that the world has heard", "%d", m.echoes())

	if err := m.host.do(func() error { return sysctl("ipv4/ip_forward", "1") }); err != nil {
		return err
	}
	try("no-nat", "the host: sysctl net.ipv4.ip_forward=1; ping", impatience)
	r.Sawf("world-heard", "requests that the world has heard", "%d", m.echoes())

	if err := m.host.do(masquerade); err != nil {
		return err
	}
	try("nat", "the host: nft add rule … masquerade; ping", patience)
	err = m.world.do(func() error {
		l, err := serve(":80", "the world")
		if err != nil {
			return err
		}
		return m.in("alice", func() error {
			defer l.Close()
			r.Saw("who", "alice: connect("+worldAddr+":80)", told(ask(worldAddr+":80", pingWait*patience)))
			return nil
		})
	})
	return err
}

// masquerade runs on the host. It is
//
//	table ip course { chain out { type nat hook postrouting priority srcnat;
//		ip saddr 10.7.0.0/24 oifname != "br0" masquerade } }
//
// A rule is a small program: load something into a register, compare, go on or not.
func masquerade() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: "course", Family: nftables.TableFamilyIPv4})
	chain := c.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		// ip saddr: 4 bytes at 12 of the IPv4 header. /24: the last byte is masked away.
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: net.CIDRMask(24, 32), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{10, 7, 0, 0}},
		// oifname != "br0": what goes from container to container keeps its sender.
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: interfaceName("br0")},
		&expr.Masq{},
	}})
	// Until here nothing was sent. Now it goes as one batch, all of it or nothing.
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(masquerade): %w", err)
	}
	return nil
}

// interfaceName is a name as the kernel compares it: padded with zeros.
func interfaceName(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}
