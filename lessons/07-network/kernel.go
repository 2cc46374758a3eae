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
)

// answer turns what a system call returned into the text of a fact: "ok", or the name of
// the errno.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// sysctl sets a switch of the network namespace that the calling thread is in.
func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
}

// timeout is SO_RCVTIMEO as setsockopt(2) wants it: recv(2) then answers EAGAIN.
func timeout(fd int, limit time.Duration) error {
	tv := unix.NsecToTimeval(limit.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return fmt.Errorf("setsockopt(SO_RCVTIMEO): %w", err)
	}
	return nil
}

// ask connects and reads what it is told.
func ask(addr string, limit time.Duration) (string, error) {
	conn, err := net.DialTimeout("tcp4", addr, limit)
	if err != nil {
		var timedOut net.Error
		if errors.As(err, &timedOut) && timedOut.Timeout() {
			return "", unix.ETIMEDOUT // Go gave up before the kernel, which takes two minutes
		}
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	word, err := io.ReadAll(conn)
	return strings.TrimSpace(string(word)), err
}

// told is what ask learned, as a fact.
func told(word string, err error) string {
	if err != nil {
		return answer(err)
	}
	return word
}

// serve listens in the calling thread's namespace, and tells every caller a word and the
// caller's own address. The listener stays there, whichever thread accepts.
func serve(addr, word string) (net.Listener, error) {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			fmt.Fprintf(conn, "%s; you are %s\n", word, conn.RemoteAddr().(*net.TCPAddr).IP)
			conn.Close()
		}
	}()
	return l, nil
}
