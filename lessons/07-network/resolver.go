package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	"mydocker.example/shared/proof"
)

// resolver: a name server at 127.0.0.53 is as many name servers as there are namespaces.
var resolver = proof.Proof{
	ID:    "resolver",
	Guest: askForNames,
	Judge: func(s *proof.Seen) {
		s.Equal("host", "www.example → 192.0.2.9")
		s.Equal("alice-loopback", "ECONNREFUSED")
		s.Equal("alice-bridge", "www.example → 192.0.2.9")
	},
}

func askForNames(r *proof.Report) error {
	m, err := newMachine("alice")
	if err != nil {
		return err
	}
	defer m.close()
	const stub = "127.0.0.53:53"
	for _, at := range []string{stub, hostAddr + ":53"} {
		var server net.PacketConn
		err := m.host.do(func() error {
			server, err = net.ListenPacket("udp4", at)
			return err
		})
		if err != nil {
			return err
		}
		defer server.Close()
		go answerNames(server)
	}
	err = m.host.do(func() error {
		r.Saw("host", "the host, nameserver 127.0.0.53: www.example?", told(resolve(stub, "www.example")))
		return nil
	})
	if err != nil {
		return err
	}
	return m.in("alice", func() error {
		r.Saw("alice-loopback", "alice, the same resolv.conf", told(resolve(stub, "www.example")))
		r.Saw("alice-bridge", "alice, nameserver "+hostAddr, told(resolve(hostAddr+":53", "www.example")))
		return nil
	})
}

// answerNames is a name server that knows one answer (RFC 1035).
func answerNames(server net.PacketConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := server.ReadFrom(buf)
		if err != nil {
			return
		}
		reply := append([]byte{}, buf[:n]...)
		binary.BigEndian.PutUint16(reply[2:], 0x8180)          // an answer, without error
		binary.BigEndian.PutUint16(reply[6:], 1)               // one of them
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1)            // the name at 12, type A, Internet
		reply = append(reply, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9) // for a minute, 4 bytes
		server.WriteTo(reply, from)
	}
}

// resolve asks a name server for an address.
func resolve(server, name string) (string, error) {
	conn, err := net.Dial("udp4", server)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	query := []byte{7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0} // id, recursion desired, one question
	for label := range strings.SplitSeq(name, ".") {
		query = append(append(query, byte(len(label))), label...)
	}
	query = append(query, 0, 0, 1, 0, 1) // end of the name, type A, Internet
	if _, err := conn.Write(query); err != nil {
		return "", err
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	reply := make([]byte, 512)
	n, err := conn.Read(reply)
	if err != nil {
		return "", err
	}
	if n < len(query)+16 || !bytes.Equal(reply[:2], query[:2]) {
		return "", fmt.Errorf("not an answer: %x", reply[:n])
	}
	return fmt.Sprintf("%s → %s", name, net.IP(reply[n-4:n])), nil
}
