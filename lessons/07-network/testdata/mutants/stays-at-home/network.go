// mutant: task=net-modes diagnosis=not-joined
// The namespace is opened and held, and nobody steps into it.

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/network"
	"mydocker.example/shared/ns"
	"mydocker.example/shared/store"
	"mydocker.example/shared/undo"
)

// What is a container's own, and what it shares: --net and --pid.
//
//	--net bridge          a namespace with an address on mydocker0; the default of root
//	--net none            a namespace with nothing but loopback; the default of anybody else
//	--net host            the host's
//	--net container:NAME  that container's
//	--pid host, --pid container:NAME    likewise

const ofContainer = "container:"

// defaultNetwork is that of a container which asks for none.
func defaultNetwork() string {
	if rootless() {
		return "none"
	}
	return "bridge"
}

// checkModes refuses what is no mode, and what cannot be together.
func (s *Spec) checkModes() error {
	net, pid := s.NetworkMode, s.PIDMode
	if name, ok := strings.CutPrefix(net, ofContainer); !(ok && name != "") && net != "bridge" && net != "none" && net != "host" {
		return fmt.Errorf("--net %q: it is bridge, none, host or container:NAME", net)
	}
	if name, ok := strings.CutPrefix(pid, ofContainer); !(ok && name != "") && pid != "" && pid != "host" {
		return fmt.Errorf("--pid %q: it is host or container:NAME", pid)
	}
	sharing := net != "bridge" && net != "none" || pid != ""
	mapped := len(s.Linux.UIDMappings)+len(s.Linux.GIDMappings) > 0
	switch {
	case len(s.Ports) > 0 && net != "bridge":
		return fmt.Errorf("-p: with --net %s there is nothing to publish a port from", net)
	case rootless() && net == "bridge":
		return errors.New("--net bridge: to plug a container into a bridge of the host takes root; without it there is --net none")
	case rootless() && sharing:
		return errors.New("--net host, --net container and --pid: a user namespace has its own, and without root each container has one")
	case mapped && sharing:
		return errors.New("--uid-map with --net host, --net container or --pid: namespaces of others are not this user namespace's to use")
	}
	return nil
}

// resolveModes replaces a container's name by its id. It must run.
func (s *Spec) resolveModes(st store.Store) error {
	for flag, mode := range map[string]*string{"--net": &s.NetworkMode, "--pid": &s.PIDMode} {
		name, ok := strings.CutPrefix(*mode, ofContainer)
		if !ok {
			continue
		}
		r, err := st.Find(name)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		if state, err := st.State(r); err != nil {
			return err
		} else if state != store.Running {
			return fmt.Errorf("%s: container %s is not running", flag, name)
		}
		*mode = ofContainer + r.ID
	}
	return nil
}

// namespaces are the kinds that the container gets for itself, and the descriptors of those
// that it shares with another container.
func (s *Spec) namespaces(st store.Store) (own ns.Flags, shared []joined, err error) {
	own = ns.PID | ns.UTS | ns.IPC | ns.Mount | ns.Network
	for _, m := range []struct {
		mode string
		kind ns.Flags
	}{{s.NetworkMode, ns.Network}, {s.PIDMode, ns.PID}} {
		id, ok := strings.CutPrefix(m.mode, ofContainer)
		switch {
		case ok:
			own &^= m.kind
			j, err := namespaceOf(st, id, m.kind)
			if err != nil {
				closeAll(shared)
				return 0, nil, err
			}
			shared = append(shared, j)
		case m.mode == "host":
			own &^= m.kind
		}
	}
	return own, shared, nil
}

// A joined is a namespace of another container, and our own of that kind.
type joined struct {
	kind         ns.Flags
	theirs, ours *os.File
}

func closeAll(list []joined) {
	for _, j := range list {
		j.theirs.Close()
		j.ours.Close()
	}
}

// namespaceOf opens a namespace of a container that runs.
func namespaceOf(st store.Store, id string, kind ns.Flags) (j joined, err error) {
	r, err := st.Load(id)
	if err != nil {
		return j, err
	}
	set, err := ns.Open(ns.Proc, r.PID, kind)
	if err != nil {
		return j, err
	}
	// Still the same process: so it was its namespace, and not that of a later one with its number.
	if state, err := st.State(r); err != nil || state != store.Running {
		set.Close()
		return j, errors.Join(err, fmt.Errorf("container %s is not running", id))
	}
	ours, err := os.Open("/proc/thread-self/ns/" + kind.Link())
	if err != nil {
		set.Close()
		return j, err
	}
	return joined{kind, set.File(kind), ours}, nil
}

// born runs start on this thread, in the namespaces of others; the child that it clones is
// born there. The thread is the keeper's, and locked.
func born(in []joined, start func() error) (err error) {
	var u undo.Stack
	defer func() { err = errors.Join(err, u.Run()) }()
	for _, j := range in {
		if err := step(j.theirs, j.kind); err != nil {
			return err
		}
		u.Push(func() error { return step(j.ours, j.kind) })
	}
	return start()
}

// step moves this thread into a namespace. In a PID namespace it is the children who are.
func step(into *os.File, kind ns.Flags) error {
	if into == nil {
		return fmt.Errorf("setns(%s): %w", kind, unix.EBADF)
	}
	return nil
}

// A link is a container's connection to the bridge, and its published ports.
type link struct {
	id      string
	proxies []*network.Proxy
}

// publish takes the ports of the host, before anything else is made: those that somebody has
// are refused there. A port 0 is filled in.
func publish(id string, ports []network.Port) (l *link, err error) {
	l = &link{id: id}
	if len(ports) == 0 {
		return l, nil
	}
	for i := range ports {
		p, err := network.Listen(ports[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("-p %s: %w", ports[i], err), l.close())
		}
		l.proxies = append(l.proxies, p)
		ports[i] = p.Port()
	}
	return l, nil
}

// attach connects the network namespace of process 1 to the bridge.
func (l *link) attach(pid int, ports []network.Port) (netip.Addr, error) {
	netns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return netip.Addr{}, err
	}
	defer netns.Close()
	e, err := network.Default.Attach(l.id, netns, network.Options{Ports: ports})
	if err != nil {
		return netip.Addr{}, err
	}
	for _, p := range l.proxies {
		go p.Serve(e.Address.Addr())
	}
	return e.Address.Addr(), nil
}

// close gives the ports back.
func (l *link) close() error {
	var errs []error
	for _, p := range l.proxies {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// detach removes what a container has of the network, found from its id. What an ordinary
// user's containers have goes with their namespace.
func detachNetwork(id string) error {
	if rootless() {
		return nil
	}
	return network.Default.Detach(id)
}

// sweepNetwork removes the bridge when no container is on it.
func sweepNetwork() error {
	if _, err := os.Stat("/sys/class/net/" + network.Default.Bridge); rootless() || err != nil {
		return nil
	}
	_, err := network.Default.Sweep()
	return err
}

// etc are the files that tell a container who it is and whom it can ask.
func (s *Spec) etc(addr netip.Addr) map[string][]byte {
	files := map[string][]byte{
		"hostname": []byte(s.Hostname + "\n"),
		"hosts":    network.Hosts(s.Hostname, addr),
	}
	host, _ := os.ReadFile("/etc/resolv.conf") // a host without one has no names to look up
	files["resolv.conf"] = host
	switch {
	case s.NetworkMode == "bridge":
		full, _ := os.ReadFile("/run/systemd/resolve/resolv.conf")
		files["resolv.conf"] = network.ResolvConf(host, full)
	case s.NetworkMode == "host":
		if text, err := os.ReadFile("/etc/hosts"); err == nil {
			files["hosts"] = text
		}
	}
	return files
}
