package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// sniff: who is in the same network namespace hears everything.
var sniff = proof.Proof{
	ID: "sniff",
	Attack: &proof.Attack{
		Prepare: prepareConversation,
		Run:     listenIn,
		With:    ownNetwork,
		Errno:   unix.EAGAIN, // an own namespace has its own packets: none
	},
}

// ownNetwork is set in the parent: the attacker gets a network namespace.
func ownNetwork(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	return nil
}

const secret = "password=sesame"

// prepareConversation has two processes' worth of sockets talk over the loopback.
func prepareConversation(r *proof.Report) (cleanup func(), err error) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	client, err := net.Dial("udp4", server.LocalAddr().String())
	if err != nil {
		return func() { server.Close() }, err
	}
	end := make(chan struct{})
	go func() {
		for {
			client.Write([]byte(secret))
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	r.Saw("", "the victim: a password goes over", "127.0.0.1")
	return func() { close(end); client.Close(); server.Close() }, nil
}

// listenIn opens a packet socket on all interfaces, as tcpdump -i any does. It takes
// CAP_NET_RAW, which docker leaves to a container.
func listenIn(a *proof.Attacker) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return fmt.Errorf("socket(AF_PACKET, SOCK_RAW): %w", err)
	}
	defer unix.Close(fd)
	if err := timeout(fd, 2*time.Second); err != nil {
		return err
	}
	buf := make([]byte, 1<<16)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("recvfrom(AF_PACKET): %w", err)
		}
		if bytes.Contains(buf[:n], []byte(secret)) {
			a.Saw("the attacker: recvfrom(AF_PACKET)", secret)
			return nil
		}
	}
	return errors.New("packets, but not those")
}
