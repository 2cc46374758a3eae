package main

import (
	"fmt"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// guard runs on the host. It holds a port of the bridge to the addresses of its container,
// at the first place that a frame passes, before the bridge:
//
//	table netdev course { chain guard { type filter hook ingress device "to-mallory" priority 0;
//		ether saddr 02:00:00:00:00:ee ip saddr 10.7.0.66 accept
//		ether saddr 02:00:00:00:00:ee arp saddr ether 02:00:00:00:00:ee arp saddr ip 10.7.0.66 accept
//		drop } }
//
// What is neither IPv4 nor ARP is dropped too: with IPv6 one could lie in another language.
func guard(port string, at seat) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: "course", Family: nftables.TableFamilyNetdev})
	chain := c.AddChain(&nftables.Chain{
		Name: "guard", Table: table, Type: nftables.ChainTypeFilter, Device: port,
		Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
	})
	mac, ip := []byte(at.mac), []byte(net.ParseIP(at.addr).To4())
	is := func(base expr.PayloadBase, offset uint32, value []byte) []expr.Any {
		return []expr.Any{
			&expr.Payload{DestRegister: 1, Base: base, Offset: offset, Len: uint32(len(value))},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value},
		}
	}
	const frame, packet = expr.PayloadBaseLLHeader, expr.PayloadBaseNetworkHeader
	kind := func(t uint16) []expr.Any { return is(frame, 12, binaryutil.BigEndian.PutUint16(t)) }
	accept := []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
	for _, rule := range [][][]expr.Any{
		{is(frame, 6, mac), kind(unix.ETH_P_IP), is(packet, 12, ip), accept},
		{is(frame, 6, mac), kind(unix.ETH_P_ARP), is(packet, 8, mac), is(packet, 14, ip), accept},
		{{&expr.Verdict{Kind: expr.VerdictDrop}}},
	} {
		var exprs []expr.Any
		for _, part := range rule {
			exprs = append(exprs, part...)
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(guard of %s): %w", port, err)
	}
	return nil
}
