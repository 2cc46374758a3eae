package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// standIn: a port belongs to whoever takes it first.
var standIn = proof.Proof{
	ID: "stand-in",
	Attack: &proof.Attack{
		Prepare: prepareRestart,
		Run:     takeThePlace,
		With:    ownNetwork,
		Errno:   unix.EAGAIN, // the port is there to be taken, and nobody calls
	},
}

// prepareRestart has a service that is restarted just now, and a client that does not know:
// it calls until it is answered.
func prepareRestart(r *proof.Report) (cleanup func(), err error) {
	service, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := service.Addr().(*net.TCPAddr)
	service.Close()
	r.Saw("", "the service: restarts, and leaves for a moment", "127.0.0.1:…")
	r.Pass("port", strconv.Itoa(addr.Port))
	end := make(chan struct{})
	go func() {
		for {
			if conn, err := net.Dial("tcp4", addr.String()); err == nil {
				fmt.Fprint(conn, secret)
				conn.Close()
			}
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { close(end) }, nil
}

// takeThePlace binds the port of the service and waits for its clients.
func takeThePlace(a *proof.Attacker) error {
	port, err := strconv.Atoi(a.Get("port"))
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket(AF_INET): %w", err)
	}
	defer unix.Close(fd)
	// The port may have connections of the service that wait for their end (TIME_WAIT).
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("setsockopt(SO_REUSEADDR): %w", err)
	}
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 10))
	a.Saw("the attacker: bind(127.0.0.1:…), listen", answer(err))
	if err != nil {
		return fmt.Errorf("bind(127.0.0.1:%d): %w", port, err)
	}
	if err := timeout(fd, 2*time.Second); err != nil {
		return err
	}
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		buf := make([]byte, 100)
		n, err := unix.Read(conn, buf)
		unix.Close(conn)
		if err == nil && n > 0 {
			a.Saw("the attacker: accept, read", string(buf[:n]))
			return nil
		}
	}
}
