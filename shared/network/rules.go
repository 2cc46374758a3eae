package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The rules, as nft(8) would list them. For the network, made once:
//
//	table ip mydocker0 {
//		chain out { type nat hook postrouting priority srcnat;
//			ip saddr 10.77.0.0/16 oifname != "mydocker0" masquerade }
//		chain in { type filter hook forward priority filter;
//			oifname != "mydocker0" accept
//			iifname "mydocker0" accept              # drop, when containers are isolated
//			ct state established,related accept
//			ct status dnat accept                   # published
//			drop } }                                # another machine has a route to the subnet
//
// For each container, in a chain that the kernel removes with the interface:
//
//	table netdev mydocker {
//		chain mdID { type filter hook ingress device "mdID" priority 0;
//			ether saddr MAC ip saddr ADDRESS accept
//			ether saddr MAC arp saddr ether MAC arp saddr ip ADDRESS accept
//			drop } }
//
// And for each container that publishes ports:
//
//	table ip mydocker-ID {
//		chain publish { type nat hook prerouting priority dstnat;
//			iifname != "mydocker0" fib daddr type local tcp dport 8080 dnat to ADDRESS:80 } }
//
// What the host itself sends to a published port goes to the Proxy, on 127.0.0.1 too: rules
// for that would need route_localnet, which lets the neighbours in to the host's own
// 127.0.0.1 (CVE-2020-8558).

// guards is the table with a chain for each container.
func guards() *nftables.Table {
	return &nftables.Table{Name: "mydocker", Family: nftables.TableFamilyNetdev}
}

func (n Network) table() *nftables.Table {
	return &nftables.Table{Name: n.Bridge, Family: nftables.TableFamilyIPv4}
}

func publishTable(id string) *nftables.Table {
	return &nftables.Table{Name: "mydocker-" + id, Family: nftables.TableFamilyIPv4}
}

func guardChain(id string) *nftables.Chain {
	return &nftables.Chain{
		Name: hostEnd(id), Table: guards(), Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter, Device: hostEnd(id),
	}
}

// ensureRules makes the rules of the network unless they are there: a batch is carried out
// whole or not at all, so the table tells. The caller holds the lock.
func (n Network) ensureRules() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("nftables(NFT_MSG_GETTABLE): %w", err)
	}
	for _, t := range tables {
		if t.Name == n.Bridge {
			return nil
		}
	}
	table := c.AddTable(n.table())
	out := c.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	in := c.AddChain(&nftables.Chain{
		Name: "in", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	add := func(chain *nftables.Chain, parts ...[]expr.Any) {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: join(parts...)})
	}
	between := accept
	if n.Isolated {
		between = drop // through the host, by its hardware address, round the isolated port
	}
	add(out, sourceIn(n.Subnet), notOutOf(n.Bridge), masquerade)
	add(in, notOutOf(n.Bridge), accept)
	add(in, cameIn(n.Bridge), between)
	add(in, ofAKnownConnection, accept)
	add(in, sentHereByUs, accept)
	add(in, drop)
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(table ip %s): %w", n.Bridge, err)
	}
	return nil
}

// removeRules removes the rules of the network. None are no error.
func (n Network) removeRules() error {
	return errors.Join(remove("table ip "+n.Bridge, func(c *nftables.Conn) { c.DelTable(n.table()) }), removeGuards())
}

// removeGuards removes the table of the containers' chains, unless another network has some.
func removeGuards() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return fmt.Errorf("nftables(NFT_MSG_GETCHAIN): %w", err)
	}
	for _, chain := range chains {
		if chain.Table.Name == guards().Name {
			return nil
		}
	}
	return remove("table netdev mydocker", func(c *nftables.Conn) { c.DelTable(guards()) })
}

// addRules makes the rules of one container, all of them or none.
func addRules(id string, e Endpoint, ports []Port, bridge string) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	addr := e.Address.Addr()
	own := mac(containerMAC, addr)
	table := c.AddTable(guards())
	chain := c.AddChain(guardChain(id))
	for _, rule := range [][]expr.Any{
		join(etherSource(own), etherType(unix.ETH_P_IP), ipSource(addr), accept),
		join(etherSource(own), etherType(unix.ETH_P_ARP), arpSource(own, addr), accept),
		drop,
	} {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule})
	}
	publish(c, id, addr, ports, bridge)
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables(rules of %s): %w", id, err)
	}
	return nil
}

// publish adds the rules for ports, to be sent with the others. A port that only the host
// itself may reach, on its loopback, needs none.
func publish(c *nftables.Conn, id string, to netip.Addr, ports []Port, bridge string) {
	var table *nftables.Table
	var chain *nftables.Chain
	for _, p := range ports {
		if p.Host.Addr().IsLoopback() {
			continue
		}
		if table == nil {
			table = c.AddTable(publishTable(id))
			chain = c.AddChain(&nftables.Chain{
				Name: "publish", Table: table, Type: nftables.ChainTypeNAT,
				Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
			})
		}
		where := forThisHost
		if !p.Host.Addr().IsUnspecified() {
			where = ipDestination(p.Host.Addr())
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: join(
			notInFrom(bridge), where, toPort(p.Proto, p.Host.Port()), sendTo(to, p.Container),
		)})
	}
}

// removeRules removes the rules of one container. None are no error: what is there is looked
// up first, for an order that names what is not fails, and one that succeeds takes the time
// of a grace period.
func removeRules(id string) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("nftables(NFT_MSG_GETTABLE): %w", err)
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return fmt.Errorf("nftables(NFT_MSG_GETCHAIN): %w", err)
	}
	var errs []error
	for _, t := range tables {
		if t.Name == publishTable(id).Name {
			errs = append(errs, remove("table ip "+t.Name, func(c *nftables.Conn) { c.DelTable(publishTable(id)) }))
		}
	}
	for _, chain := range chains {
		if chain.Table.Name == guards().Name && chain.Name == hostEnd(id) {
			errs = append(errs, remove("chain netdev mydocker "+chain.Name, func(c *nftables.Conn) {
				// Emptied first: a kernel does not remove a chain that has rules.
				c.FlushChain(guardChain(id))
				c.DelChain(guardChain(id))
			}))
		}
	}
	return errors.Join(errs...)
}

func remove(what string, order func(c *nftables.Conn)) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("socket(NETLINK_NETFILTER): %w", err)
	}
	order(c)
	// ENOENT: somebody was faster, or the kernel, with the interface.
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nftables(delete %s): %w", what, err)
	}
	return nil
}

func join(parts ...[]expr.Any) (all []expr.Any) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// host order, as the kernel keeps what is not from a packet.
func native(n uint32) []byte { return binaryutil.NativeEndian.PutUint32(n) }
