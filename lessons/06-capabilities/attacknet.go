package main

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// Netlink by hand: a message is a length, a type, flags and attributes, and the kernel has
// a parser for each. Lesson 07 uses libraries for it.

// linkAttack makes a device of the kernel's in the attacker's own network namespace.
var linkAttack = proof.Proof{
	ID: "netlink",
	Attack: &proof.Attack{
		Run: func(a *proof.Attacker) error {
			start(a)
			// struct ifinfomsg, then the name and the kind of what is to be made.
			body := append(make([]byte, 16), attribute(unix.IFLA_IFNAME, []byte("spy0\x00"))...)
			body = append(body, attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("bridge")))...)
			err := netlink(unix.NETLINK_ROUTE, message(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, body))
			a.Saw("ip link add spy0 type bridge", answer(err))
			return err
		},
		Without: inUserNS(unix.CLONE_NEWNET),
		With:    inUserNS(unix.CLONE_NEWNET),
		Inside:  dockers,
		Errno:   unix.EPERM,
	},
}

// nftAttack makes a table of the packet filter.
var nftAttack = proof.Proof{
	ID: "nftables",
	Attack: &proof.Attack{
		Run: func(a *proof.Attacker) error {
			start(a)
			// struct nfgenmsg: family, version, and for a batch the subsystem, big-endian.
			batch := []byte{unix.AF_UNSPEC, 0, 0, unix.NFNL_SUBSYS_NFTABLES}
			table := append([]byte{unix.NFPROTO_IPV4, 0, 0, 0}, attribute(unix.NFTA_TABLE_NAME, []byte("mine\x00"))...)
			packet := message(unix.NFNL_MSG_BATCH_BEGIN, 0, batch)
			packet = append(packet, message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_ACK, table)...)
			packet = append(packet, message(unix.NFNL_MSG_BATCH_END, 0, batch)...)
			err := netlink(unix.NETLINK_NETFILTER, packet)
			a.Saw("nft add table ip mine", answer(err))
			return err
		},
		Without: inUserNS(unix.CLONE_NEWNET),
		With:    inUserNS(unix.CLONE_NEWNET),
		Inside:  dockers,
		Errno:   unix.EPERM,
	},
}

// message is one netlink message (netlink(7)).
func message(kind, flags uint16, body []byte) []byte {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|flags)
	m = append(m, make([]byte, 8)...) // no sequence number, no port
	return append(m, body...)
}

// attribute is a length, a type and a value, filled up to four bytes (rtnetlink(7)).
func attribute(kind uint16, value []byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	a = binary.NativeEndian.AppendUint16(a, kind)
	a = append(a, value...)
	for len(a)%4 != 0 {
		a = append(a, 0)
	}
	return a
}

// netlink sends a packet and returns the first answer of the kernel's that says ok or why
// not: struct nlmsgerr, a negative errno behind the header.
func netlink(family int, packet []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, packet, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sendto(the kernel): %w", err)
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return fmt.Errorf("recvfrom(the kernel): %w", err)
	}
	if n < unix.NLMSG_HDRLEN+4 || binary.NativeEndian.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("an answer of %d bytes that is neither yes nor no", n)
	}
	if no := int32(binary.NativeEndian.Uint32(reply[unix.NLMSG_HDRLEN:])); no != 0 {
		return unix.Errno(-no)
	}
	return nil
}
