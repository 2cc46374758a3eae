package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// emptyNamespace: what is in a new network namespace, and the one message that wakes it.
var emptyNamespace = proof.Proof{
	ID:    "empty-namespace",
	Guest: lookAround,
	Judge: func(s *proof.Seen) {
		s.Equal("interfaces", "lo")
		s.Equal("flags", "loopback")
		s.Equal("routes", "(none)")
		s.Equal("dead", "ENETUNREACH")
		s.Equal("message", "ok")
		s.Check(strings.Contains(s.Get("flags-after"), "up"), "lo: %s", s.Get("flags-after"))
		s.Equal("alive", "ok")
	},
}

func lookAround(r *proof.Report) error {
	empty, err := newSpace("empty")
	if err != nil {
		return err
	}
	defer empty.close()
	return empty.do(func() error {
		all, err := net.Interfaces()
		if err != nil {
			return err
		}
		var names []string
		for _, i := range all {
			names = append(names, i.Name)
		}
		r.Saw("interfaces", "ip link", strings.Join(names, " "))
		r.Saw("flags", "ip link show lo", all[0].Flags.String())
		routes, err := routeTable()
		if err != nil {
			return err
		}
		r.Saw("routes", "ip route", routes)
		r.Saw("dead", "ping 127.0.0.1", answer(ping("127.0.0.1", 1)))
		r.Saw("message", "sendto(AF_NETLINK, RTM_NEWLINK, lo, IFF_UP)", answer(setUpByHand(all[0].Index)))
		lo, err := net.InterfaceByIndex(all[0].Index)
		if err != nil {
			return err
		}
		r.Saw("flags-after", "ip link show lo", lo.Flags.String())
		r.Saw("alive", "ping 127.0.0.1", answer(ping("127.0.0.1", patience)))
		return nil
	})
}

// setUpByHand is `ip link set lo up` without a library, once in this lesson: a socket, a
// message of two C structures, an answer (netlink(7), rtnetlink(7)).
func setUpByHand(index int) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	defer unix.Close(fd)
	message := struct {
		unix.NlMsghdr
		unix.IfInfomsg
	}{
		unix.NlMsghdr{Len: unix.SizeofNlMsghdr + unix.SizeofIfInfomsg, Type: unix.RTM_NEWLINK, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK, Seq: 1},
		unix.IfInfomsg{Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP},
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&message)), unsafe.Sizeof(message))
	if err := unix.Sendto(fd, raw, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sendto(RTM_NEWLINK): %w", err)
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return fmt.Errorf("recvfrom(AF_NETLINK): %w", err)
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("netlink answered %d bytes of another kind", n)
	}
	// The answer is called an error also when it is none: a negative errno, or zero.
	if code := int32(binary.NativeEndian.Uint32(reply[unix.SizeofNlMsghdr:])); code != 0 {
		return fmt.Errorf("netlink(RTM_NEWLINK): %w", unix.Errno(-code))
	}
	return nil
}
