package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how many times ping asks when an answer is expected, and impatience when none
// is: it asks more than once, for the first packet may find a port that is not ready.
const (
	patience   = 20
	impatience = 3
	pingWait   = 300 * time.Millisecond
)

// ping sends an echo request to an IPv4 address and waits for the answer (icmp(7), RFC 792).
// EAGAIN: none came. EHOSTUNREACH: nobody said that the address is his.
func ping(to string, tries int) error {
	addr, err := netip.ParseAddr(to)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return fmt.Errorf("socket(SOCK_RAW, IPPROTO_ICMP): %w", err)
	}
	defer unix.Close(fd)
	if err := timeout(fd, pingWait); err != nil {
		return err
	}
	// To be told of errors that come later, such as that nobody has that address (ip(7)).
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1); err != nil {
		return fmt.Errorf("setsockopt(IP_RECVERR): %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: addr.As4()}); err != nil {
		return fmt.Errorf("connect(%s): %w", to, err)
	}
	id := uint16(os.Getpid() ^ fd<<8)
	for seq := range tries {
		request := echoRequest(id, uint16(seq))
		if _, err := unix.Write(fd, request); err != nil {
			return fmt.Errorf("write(%s): %w", to, err)
		}
		err = echoed(fd, id)
		if !errors.Is(err, unix.EAGAIN) {
			return err
		}
	}
	return err
}

// echoed waits for an answer to us. A raw socket hears all ICMP that comes from there, on
// the loopback our own request too.
func echoed(fd int, id uint16) error {
	buf := make([]byte, 1500)
	for deadline := time.Now().Add(pingWait); time.Now().Before(deadline); {
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read(IPPROTO_ICMP): %w", err)
		}
		if n < 20 {
			continue
		}
		message := buf[int(buf[0]&0xf)*4 : n] // after the IP header
		if len(message) >= 8 && message[0] == 0 && binary.BigEndian.Uint16(message[4:]) == id {
			return nil
		}
	}
	return unix.EAGAIN
}

// echoRequest is type 8, code 0, checksum, id, sequence number.
func echoRequest(id, seq uint16) []byte {
	m := make([]byte, 16)
	m[0] = 8
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	binary.BigEndian.PutUint16(m[2:], checksum(m, 0))
	return m
}

// checksum is the one of IP, ICMP, UDP and TCP: the complement of the sum of 16-bit words in
// one's complement (RFC 1071).
func checksum(data []byte, sum uint32) uint16 {
	for ; len(data) >= 2; data = data[2:] {
		sum += uint32(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		sum += uint32(data[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
