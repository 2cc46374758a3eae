package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
)

// abstractSocket: a Unix socket whose name is in no file system (unix(7)). The name is
// looked up in the network namespace.
var abstractSocket = proof.Proof{
	ID: "abstract-socket",
	Attack: &proof.Attack{
		Prepare: prepareDaemon,
		Run:     command,
		With:    ownNetwork,
		Errno:   unix.ECONNREFUSED,
	},
}

// prepareDaemon is what containerd's shim was (CVE-2020-15257): a daemon of the host's root
// that obeys whoever connects.
func prepareDaemon(r *proof.Report) (cleanup func(), err error) {
	name := fmt.Sprintf("@course-shim-%d", os.Getpid())
	l, err := net.Listen("unix", name) // Go writes the leading zero byte as @
	if err != nil {
		return nil, err
	}
	go obey(l)
	r.Saw("", "the host: a daemon listens on", "@course-shim-…")
	r.Pass("name", name)
	return func() { l.Close() }, nil
}

func obey(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(conn, "at your command, root")
		conn.Close()
	}
}

func command(a *proof.Attacker) error {
	conn, err := net.Dial("unix", a.Get("name"))
	if err != nil {
		var errno unix.Errno
		errors.As(err, &errno)
		return fmt.Errorf("connect(@course-shim-…): %w", errno)
	}
	defer conn.Close()
	buf := make([]byte, 100)
	n, err := conn.Read(buf)
	if err != nil {
		return err
	}
	a.Saw("the attacker: connect(@course-shim-…), read", string(buf[:n]))
	return nil
}

// pathSocket: a Unix socket with a path is looked up in the file system, and network
// namespaces have no say.
var pathSocket = proof.Proof{
	ID:    "path-socket",
	Guest: connectByPath,
	Judge: func(s *proof.Seen) {
		s.Differ("outside", "inside")
		s.Equal("answer", "at your command, root")
	},
}

func connectByPath(r *proof.Report) error {
	dir, err := os.MkdirTemp("", "daemon-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	go obey(l)
	r.Saw("outside", "the daemon: readlink /proc/self/ns/net", netNS())
	inside, err := newSpace("inside")
	if err != nil {
		return err
	}
	defer inside.close()
	return inside.do(func() error {
		r.Saw("inside", "the caller: readlink /proc/self/ns/net", netNS())
		conn, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer conn.Close()
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		r.Saw("answer", "the caller: connect("+filepath.Base(path)+"), read", told(string(buf[:n]), err))
		return nil
	})
}
