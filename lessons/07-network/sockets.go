package main

import (
	"fmt"
	"net"
	"os"
	"time"

	"mydocker.example/shared/proof"
)

// socketStays: setns(2) moves a thread, and none of its sockets.
var socketStays = proof.Proof{
	ID:    "socket-stays",
	Guest: moveAway,
	Judge: func(s *proof.Seen) {
		s.Differ("before", "after")
		s.Equal("inside", "made inside; you are 127.0.0.1")
		s.Equal("outside", "ECONNREFUSED")
	},
}

func moveAway(r *proof.Report) error {
	inside, err := newSpace("inside")
	if err != nil {
		return err
	}
	defer inside.close()
	outside, err := newSpace("outside")
	if err != nil {
		return err
	}
	defer outside.close()
	var l net.Listener
	err = inside.do(func() error {
		if err := setUp("lo", ""); err != nil {
			return err
		}
		if l, err = serve("127.0.0.1:80", "made inside"); err != nil {
			return err
		}
		r.Saw("before", "the thread: readlink /proc/thread-self/ns/net", netNS())
		if err := outside.enter(); err != nil {
			return err
		}
		r.Saw("after", "the thread, after setns(2)", netNS())
		if err := setUp("lo", ""); err != nil {
			return err
		}
		r.Saw("outside", "connect(127.0.0.1:80), from where the thread is now", told(ask("127.0.0.1:80", 10*time.Second)))
		return nil
	})
	if err != nil {
		return err
	}
	defer l.Close()
	return inside.do(func() error {
		r.Saw("inside", "connect(127.0.0.1:80), from where the socket was made", told(ask("127.0.0.1:80", 10*time.Second)))
		return nil
	})
}

// netNS names the calling thread's network namespace.
func netNS() string {
	text, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Sprint(err)
	}
	return text
}
