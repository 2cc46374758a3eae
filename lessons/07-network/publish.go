package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// published: what -p 8080:80 is made of.
var published = proof.Proof{
	ID:    "published",
	Guest: publishAPort,
	Judge: func(s *proof.Seen) {
		s.Equal("before", "ECONNREFUSED")
		s.Equal("world", "alice's service; you are "+worldAddr)
		s.Equal("loopback", "ECONNREFUSED")
		s.Equal("proxied", "alice's service; you are "+hostAddr)
	},
}

// portTaken: a rule does not take a port.
var portTaken = proof.Proof{
	ID:    "port-taken",
	Guest: publishTwice,
	Judge: func(s *proof.Seen) {
		s.Equal("second-rule", "ok")
		s.Equal("world", "alice's service; you are "+worldAddr)
		s.Equal("first-bind", "ok")
		s.Equal("second-bind", "EADDRINUSE")
	},
}

const askLimit = 10 * time.Second

// serveIn starts a service in a container.
func (m *machine) serveIn(name string) (net.Listener, error) {
	var l net.Listener
	err := m.in(name, func() (err error) {
		l, err = serve(":80", name+"'s service")
		return err
	})
	return l, err
}

// busyMachine has alice and others with a service each, and a world.
func busyMachine(names ...string) (m *machine, stop func(), err error) {
	m, err = newMachine(names...)
	if err != nil {
		return nil, nil, err
	}
	var services []net.Listener
	stop = func() {
		for _, l := range services {
			l.Close()
		}
		m.close()
	}
	err = m.addWorld()
	for _, name := range names {
		if err == nil {
			var l net.Listener
			if l, err = m.serveIn(name); err == nil {
				services = append(services, l)
			}
		}
	}
	if err == nil {
		err = m.host.do(func() error { return sysctl("ipv4/ip_forward", "1") })
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return m, stop, nil
}

func publishAPort(r *proof.Report) error {
	m, stop, err := busyMachine("alice")
	if err != nil {
		return err
	}
	defer stop()
	from := func(s *space, key, question, addr string) error {
		return s.do(func() error {
			r.Saw(key, question, told(ask(addr, askLimit)))
			return nil
		})
	}
	if err := from(m.world, "before", "the world: connect("+outerAddr+":8080)", outerAddr+":8080"); err != nil {
		return err
	}
	if err := m.host.do(func() error { return sendTo(8080, seats["alice"].addr, 80) }); err != nil {
		return err
	}
	if err := from(m.world, "world", "… tcp dport 8080 dnat to 10.7.0.2:80", outerAddr+":8080"); err != nil {
		return err
	}
	if err := from(m.host, "loopback", "the host: connect(127.0.0.1:8080)", "127.0.0.1:8080"); err != nil {
		return err
	}
	return m.host.do(func() error {
		l, err := net.Listen("tcp4", "127.0.0.1:8080")
		if err != nil {
			return err
		}
		defer l.Close()
		go proxy(m.host, l, seats["alice"].addr+":80")
		r.Saw("proxied", "… a proxy listens there", told(ask("127.0.0.1:8080", askLimit)))
		return nil
	})
}

// sendTo runs on the host. It is
//
//	table ip course { chain in { type nat hook prerouting priority dstnat;
//		iifname != "br0" fib daddr type local tcp dport 8080 dnat to 10.7.0.2:80 } }
func sendTo(port uint16, addr string, to uint16) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: "course", Family: nftables.TableFamilyIPv4})
	chain := c.AddChain(&nftables.Chain{
		Name: "in", Table: table, Type: nftables.ChainTypeNAT,
		// Before the kernel decides whether the packet is for this host: now it is not.
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: interfaceName("br0")},
		// Any of the host's own addresses, whichever it has.
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
		&expr.Immediate{Register: 1, Data: net.ParseIP(addr).To4()},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(to)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
	}})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(dnat): %w", err)
	}
	return nil
}

// proxy passes connections on by hand: accept(2), connect(2), copy.
func proxy(host *space, l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go host.do(func() error { // a proxy of the host connects from the host
			defer in.Close()
			out, err := net.Dial("tcp4", to)
			if err != nil {
				return err
			}
			defer out.Close()
			// Enough for a service that speaks and hangs up; a real one copies both ways.
			_, err = io.Copy(in, out)
			return err
		})
	}
}

func publishTwice(r *proof.Report) error {
	m, stop, err := busyMachine("alice", "bob")
	if err != nil {
		return err
	}
	defer stop()
	err = m.host.do(func() error {
		if err := sendTo(8080, seats["alice"].addr, 80); err != nil {
			return err
		}
		r.Saw("second-rule", "the host: tcp dport 8080 dnat to alice, then to bob", answer(sendTo(8080, seats["bob"].addr, 80)))
		return nil
	})
	if err != nil {
		return err
	}
	err = m.world.do(func() error {
		r.Saw("world", "the world: connect("+outerAddr+":8080)", told(ask(outerAddr+":8080", askLimit)))
		return nil
	})
	if err != nil {
		return err
	}
	return m.host.do(func() error {
		first, err := net.Listen("tcp4", ":8080")
		r.Saw("first-bind", "alice's proxy: bind(0.0.0.0:8080)", answer(err))
		if err != nil {
			return err
		}
		second, err := net.Listen("tcp4", ":8080")
		r.Saw("second-bind", "bob's proxy: bind(0.0.0.0:8080)", answer(err))
		if err == nil {
			return errors.Join(errors.New("the port was given twice"), second.Close(), first.Close())
		}
		return first.Close()
	})
}
