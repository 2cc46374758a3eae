package main

import (
	"net"
	"os"
	"strings"

	"mydocker.example/shared/proof"
)

// ownPorts: not only interfaces are a namespace's own.
var ownPorts = proof.Proof{
	ID:    "own-ports",
	Guest: listenTwice,
	Judge: func(s *proof.Seen) {
		s.Equal("one", "ok")
		s.Equal("again", "EADDRINUSE")
		s.Equal("two", "ok")
		s.Equal("forward-one", "1")
		s.Equal("forward-two", "0")
	},
}

func listenTwice(r *proof.Report) error {
	one, err := newSpace("one")
	if err != nil {
		return err
	}
	defer one.close()
	two, err := newSpace("two")
	if err != nil {
		return err
	}
	defer two.close()
	err = one.do(func() error {
		l, err := net.Listen("tcp4", ":80")
		if err != nil {
			return err
		}
		r.Saw("one", "one: bind(0.0.0.0:80)", "ok")
		_, err = net.Listen("tcp4", ":80")
		r.Saw("again", "one: bind(0.0.0.0:80) again", answer(err))
		err = two.do(func() error {
			other, err := net.Listen("tcp4", ":80")
			r.Saw("two", "two: bind(0.0.0.0:80)", answer(err))
			if err != nil {
				return err
			}
			return other.Close()
		})
		if err != nil {
			return err
		}
		l.Close()
		return sysctl("ipv4/ip_forward", "1")
	})
	if err != nil {
		return err
	}
	for _, s := range []*space{one, two} {
		err := s.do(func() error {
			text, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
			r.Saw("forward-"+s.name, s.name+": cat /proc/sys/net/ipv4/ip_forward", strings.TrimSpace(string(text)))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
