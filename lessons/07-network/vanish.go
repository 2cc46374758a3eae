package main

import (
	"errors"
	"time"

	"github.com/vishvananda/netlink"

	"mydocker.example/shared/proof"
)

// vanish: a namespace takes its interfaces along, and a pair has no one end.
var vanish = proof.Proof{
	ID:    "vanish",
	Guest: letGo,
	Judge: func(s *proof.Seen) {
		s.Equal("before", "there")
		s.Equal("held", "there")
		s.Equal("after", "gone")
		s.Equal("bridge", "there")
	},
}

func letGo(r *proof.Report) error {
	m, err := newMachine("alice")
	if err != nil {
		return err
	}
	defer m.close()
	return m.host.do(func() error {
		r.Saw("before", "the host: ip link show to-alice", isThere("to-alice"))
		r.Saw("held", "… nobody is in alice's namespace, a descriptor holds it", isThere("to-alice"))
		m.containers["alice"].close()
		// The kernel cleans up in a work queue, some time after the last one has let go.
		r.Eventually(10*time.Second, func() bool { return isThere("to-alice") == "gone" })
		r.Saw("after", "… the descriptor is closed", isThere("to-alice"))
		r.Saw("bridge", "the host: ip link show br0", isThere("br0"))
		return nil
	})
}

func isThere(name string) string {
	var none netlink.LinkNotFoundError
	switch _, err := netlink.LinkByName(name); {
	case err == nil:
		return "there"
	case errors.As(err, &none):
		return "gone"
	default:
		return err.Error()
	}
}
