package main

import (
	"net"
)

// A machine is the scenery of most proofs: a host with a bridge, containers on it, and a
// neighbour of the host on its other side. Each of them is a network namespace, the host
// too, so that no proof has to touch the host that it runs on.
//
//	alice 10.7.0.2 ─┐
//	bob   10.7.0.3 ─┼─ br0 10.7.0.1 [host] uplink 192.0.2.1 ── eth0 192.0.2.9 [world]
//	mallory    .66 ─┘
type machine struct {
	host, world *space
	containers  map[string]*space
}

const (
	hostAddr  = "10.7.0.1"
	outerAddr = "192.0.2.1"
	worldAddr = "192.0.2.9"
)

// A seat is a container's place on the bridge. The hardware addresses are chosen so that one
// can tell whose they are.
type seat struct {
	addr string
	mac  net.HardwareAddr
}

var seats = map[string]seat{
	"alice":   {"10.7.0.2", net.HardwareAddr{2, 0, 0, 0, 0, 0xaa}},
	"bob":     {"10.7.0.3", net.HardwareAddr{2, 0, 0, 0, 0, 0xbb}},
	"mallory": {"10.7.0.66", net.HardwareAddr{2, 0, 0, 0, 0, 0xee}},
}

// hostMAC is the bridge's own.
var hostMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0x01}

// newMachine makes a host with a bridge and the named containers on it, each with a route
// to the host. Nobody forwards anything yet.
func newMachine(names ...string) (m *machine, err error) {
	m = &machine{containers: map[string]*space{}}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.host, err = newSpace("host"); err != nil {
		return m, err
	}
	err = m.host.do(func() error {
		if err := setUp("lo", ""); err != nil {
			return err
		}
		bridge, err := addBridge("br0", hostAddr+"/24")
		if err != nil {
			return err
		}
		return setMAC(bridge, hostMAC)
	})
	if err != nil {
		return m, err
	}
	for _, name := range names {
		if err := m.plug(name); err != nil {
			return m, err
		}
	}
	return m, nil
}

// plug connects one more container: the pair, one end into the bridge, the other set up in
// the container.
func (m *machine) plug(name string) error {
	c, err := newSpace(name)
	if err != nil {
		return err
	}
	m.containers[name] = c
	at := seats[name]
	if err := m.host.do(func() error { return plugIn("br0", "to-"+name, c, at.mac) }); err != nil {
		return err
	}
	err = c.do(func() error {
		if err := setUp("lo", ""); err != nil {
			return err
		}
		if err := setUp("eth0", at.addr+"/24"); err != nil {
			return err
		}
		return addRoute("eth0", "default", hostAddr)
	})
	if err != nil {
		return err
	}
	return m.host.do(func() error {
		if err := awaitUp("to-" + name); err != nil {
			return err
		}
		return awaitUp("br0")
	})
}

// addWorld puts a neighbour on the host's other side. It knows nothing of the bridge.
func (m *machine) addWorld() (err error) {
	if m.world, err = newSpace("world"); err != nil {
		return err
	}
	err = m.host.do(func() error {
		if _, err := addVeth("uplink", m.world, "eth0", nil); err != nil {
			return err
		}
		return setUp("uplink", outerAddr+"/24")
	})
	if err != nil {
		return err
	}
	if err := m.world.do(func() error { return setUp("eth0", worldAddr+"/24") }); err != nil {
		return err
	}
	return m.host.do(func() error { return awaitUp("uplink") })
}

// in runs fn in a container.
func (m *machine) in(name string, fn func() error) error { return m.containers[name].do(fn) }

// close lets all of it go. The kernel takes the interfaces down with their namespaces.
func (m *machine) close() {
	for _, c := range m.containers {
		c.close()
	}
	for _, s := range []*space{m.host, m.world} {
		if s != nil && s.file != nil {
			s.close()
		}
	}
}
