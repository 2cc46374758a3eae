package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/ns"
	"mydocker.example/shared/proof"
)

// Two ways to reach a service in a cell whose network is empty: a socket that was opened
// outside and handed in, and a network namespace that two cells have in common.

// serveCell runs in the cell: it answers every connection with a line about itself.
func serveCell(c cell) error {
	var listener net.Listener
	var err error
	if c.Socket {
		listener, err = net.FileListener(os.NewFile(3, "socket"))
	} else {
		listener, err = net.Listen("tcp4", c.Serve)
	}
	if err != nil {
		return err
	}
	network, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return err
	}
	fmt.Println("serving")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintf(conn, "process %d in %s\n", os.Getpid(), network)
		conn.Close()
	}
}

// loopbackUp is `ip link set lo up`: a new network namespace has a lo, and it is down.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket(AF_INET): %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("ioctl(lo, SIOCSIFFLAGS, IFF_UP): %w", err)
	}
	return nil
}

// askCell connects to an address, and returns the answer or the errno.
func askCell(address string) string {
	conn, err := net.DialTimeout("tcp4", address, 10*time.Second)
	if err != nil {
		return failureName(err)
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	if err != nil {
		return failureName(err)
	}
	return strings.TrimSpace(string(said))
}

// passedSocket hands a listening socket into a cell that has no network.
var passedSocket = proof.Proof{
	ID: "passed-socket",
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		host, err := os.Readlink("/proc/self/ns/net")
		if err != nil {
			return err
		}
		r.Saw("net-host", "the host: readlink /proc/self/ns/net", host)

		// A port that is free: listen, and let go.
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		address := listener.Addr().String()
		listener.Close()

		c.Serve = address
		own, err := c.start()
		if err != nil {
			return err
		}
		r.Saw("own", "the cell listens in its own network; the host: connect(2) to "+address, askCell(address))
		own.end()

		listener, err = net.Listen("tcp4", address)
		if err != nil {
			return err
		}
		socket, err := listener.(*net.TCPListener).File()
		listener.Close()
		if err != nil {
			return err
		}
		c.Socket = true
		cmd, err := c.prepare()
		if err != nil {
			return err
		}
		cmd.ExtraFiles = []*os.File{socket} // descriptor 3
		passed, err := startCell(cmd)
		socket.Close()
		if err != nil {
			return err
		}
		defer passed.end()
		r.Saw("passed", "the cell was handed the socket; the host: connect(2) to "+address, askCell(address))

		devices, err := interfacesOf(passed.pid)
		if err != nil {
			return err
		}
		r.Saw("devices", fmt.Sprintf("the cell's interfaces: /proc/%d/net/dev", passed.pid), devices)
		net, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", passed.pid))
		if err != nil {
			return err
		}
		r.Saw("net-cell", fmt.Sprintf("readlink /proc/%d/ns/net", passed.pid), net)
		// The hole is one socket wide, and leads inwards: the same address, asked from inside.
		c.Serve, c.Socket = "", false
		return c.saw(r, "out", "a cell with such a network", "nc "+strings.Replace(address, ":", " ", 1))
	},
	Judge: func(s *proof.Seen) {
		s.Equal("own", "ECONNREFUSED")
		s.Equal("passed", "process 1 in "+s.Get("net-cell"))
		s.Differ("net-cell", "net-host")
		s.Equal("devices", "lo")
		s.Check(strings.Contains(s.Get("out"), "refused"), "the host answers into the cell: %s", s.Get("out"))
	},
}

// pod has two cells share a network, and a third share nothing.
var pod = proof.Proof{
	ID: "pod",
	Guest: func(r *proof.Report) error {
		c, _, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		const address = "127.0.0.1:8080"
		first := c
		first.Serve = address
		running, err := first.start()
		if err != nil {
			return err
		}
		defer running.end()

		shared := ns.Network | ns.IPC | ns.UTS
		second := c
		second.Join, second.JoinKinds = running.pid, shared
		for _, who := range []struct {
			key, name string
			cell      cell
		}{{"pod", "a second cell with the first one's net, ipc, uts", second}, {"alone", "a third cell with nothing of it", c}} {
			if err := who.cell.saw(r, "hears-"+who.key, who.name, "nc 127.0.0.1 8080"); err != nil {
				return err
			}
		}
		// The namespaces themselves, one by one.
		sleeper := second
		sleeper.Command = []string{"/bin/sh", "-c", "echo up; cat"}
		mate, err := sleeper.start()
		if err != nil {
			return err
		}
		defer mate.end()
		for _, kind := range everyKind.Kinds() {
			a, err1 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", running.pid, kind.Link()))
			b, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", mate.pid, kind.Link()))
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			word := "own"
			if a == b {
				word = "shared"
			}
			r.Saw("ns-"+kind.Link(), kind.Link()+" of the two", word)
		}
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.HasPrefix(s.Get("hears-pod"), "process 1 in net:["), "the second does not hear the first: %s", s.Get("hears-pod"))
		s.Check(strings.Contains(s.Get("hears-alone"), "refused"), "the third hears the first: %s", s.Get("hears-alone"))
		for _, kind := range []string{"net", "ipc", "uts"} {
			s.Equal("ns-"+kind, "shared")
		}
		for _, kind := range []string{"pid", "mnt", "cgroup"} {
			s.Equal("ns-"+kind, "own")
		}
	},
}

// failureName is the name of the errno, where there is one.
func failureName(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}
