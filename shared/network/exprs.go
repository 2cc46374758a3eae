package network

import (
	"net"
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The words that the rules are made of. A rule is a small program: an expression loads a
// field into register 1, the next compares it, and the rule ends where one does not fit.

var (
	accept     = []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
	drop       = []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}
	masquerade = []expr.Any{&expr.Masq{}}
)

func is(load expr.Any, value []byte) []expr.Any {
	return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value}}
}

func isNot(load expr.Any, value []byte) []expr.Any {
	return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: value}}
}

func field(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: 1, Base: base, Offset: offset, Len: length}
}

func meta(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: 1} }

// name is an interface's, padded as the kernel compares it.
func name(of string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, of)
	return b
}

func cameIn(by string) []expr.Any    { return is(meta(expr.MetaKeyIIFNAME), name(by)) }
func notInFrom(by string) []expr.Any { return isNot(meta(expr.MetaKeyIIFNAME), name(by)) }
func notOutOf(by string) []expr.Any  { return isNot(meta(expr.MetaKeyOIFNAME), name(by)) }

// The link header: destination 0, source 6, type 12 (packet(7)).
func etherSource(hw net.HardwareAddr) []expr.Any {
	return is(field(expr.PayloadBaseLLHeader, 6, 6), hw)
}

func etherType(t uint16) []expr.Any {
	return is(meta(expr.MetaKeyPROTOCOL), binaryutil.BigEndian.PutUint16(t))
}

// The IPv4 header: source 12, destination 16 (RFC 791).
func ipSource(addr netip.Addr) []expr.Any {
	return is(field(expr.PayloadBaseNetworkHeader, 12, 4), addr.AsSlice())
}

func ipDestination(addr netip.Addr) []expr.Any {
	return is(field(expr.PayloadBaseNetworkHeader, 16, 4), addr.AsSlice())
}

// An ARP message about IPv4: the sender's hardware address 8, its IP address 14 (RFC 826).
func arpSource(hw net.HardwareAddr, addr netip.Addr) []expr.Any {
	return join(
		is(field(expr.PayloadBaseNetworkHeader, 8, 6), hw),
		is(field(expr.PayloadBaseNetworkHeader, 14, 4), addr.AsSlice()),
	)
}

// sourceIn: the packet comes from a subnet. The mask is applied before the comparison.
func sourceIn(subnet netip.Prefix) []expr.Any {
	return []expr.Any{
		field(expr.PayloadBaseNetworkHeader, 12, 4),
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: net.CIDRMask(subnet.Bits(), 32), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: subnet.Masked().Addr().AsSlice()},
	}
}

// anyOf: a number of the connection has one of these bits.
func anyOf(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

const statusDNAT = 1 << 5 // IPS_DST_NAT of nf_conntrack_common.h

var (
	ofAKnownConnection = anyOf(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
	sentHereByUs       = anyOf(expr.CtKeySTATUS, statusDNAT)
	forThisHost        = is(&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true}, native(unix.RTN_LOCAL))
)

var protocols = map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP}

// toPort: TCP and UDP both have the destination at 2 of their header.
func toPort(proto string, port uint16) []expr.Any {
	return join(
		is(meta(expr.MetaKeyL4PROTO), []byte{protocols[proto]}),
		is(field(expr.PayloadBaseTransportHeader, 2, 2), binaryutil.BigEndian.PutUint16(port)),
	)
}

func sendTo(addr netip.Addr, port uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: addr.AsSlice()},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(port)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
	}
}
