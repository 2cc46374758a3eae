package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// service answers once the caller has said all, with what it said, in capitals.
func service(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				said, _ := io.ReadAll(c)
				c.Write(bytes.ToUpper(said))
			}()
		}
	}()
	return l.Addr().String()
}

func published(t *testing.T, network, target string) *proxy {
	t.Helper()
	p, err := holdPort(network, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	go p.serve(target)
	return p
}

// The end of one direction goes through, and the other goes on.
func TestProxyHandsOnTheEnd(t *testing.T) {
	p := published(t, "tcp", service(t))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			c, err := net.Dial("tcp", p.address().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			word := strings.Repeat("word", 100_000)
			go func() {
				io.WriteString(c, word)
				c.(*net.TCPConn).CloseWrite()
			}()
			answer, err := io.ReadAll(c)
			if err != nil || string(answer) != strings.ToUpper(word) {
				t.Errorf("%d bytes, %v", len(answer), err)
			}
		})
	}
	all.Wait()
}

func TestProxyToNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := published(t, "tcp", l.Addr().String())
	c, err := net.Dial("tcp", p.address().String())
	if err != nil {
		return // reset so soon that nobody saw it open
	}
	defer c.Close()
	if answer, err := io.ReadAll(c); err == nil {
		t.Errorf("an answer from nobody: %q", answer)
	}
}

func TestProxyClose(t *testing.T) {
	p := published(t, "tcp", service(t))
	c, err := net.Dial("tcp", p.address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "word")
	time.Sleep(10 * time.Millisecond) // accepted, or on the way: both end
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if answer, _ := io.ReadAll(c); len(answer) > 0 {
		t.Errorf("%q", answer)
	}
	again, err := holdPort("tcp", p.address().String())
	if err != nil {
		t.Fatal("the port has not been given back: ", err)
	}
	defer again.Close()
	if _, err := holdPort("tcp", p.address().String()); err == nil {
		t.Error("one port, two holders")
	}
}

func TestProxyDatagrams(t *testing.T) {
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := echo.ReadFrom(buffer)
			if err != nil {
				return
			}
			echo.WriteTo(bytes.ToUpper(buffer[:n]), from)
		}
	}()
	p := published(t, "udp", echo.LocalAddr().String())
	for _, word := range []string{"one", "two"} { // two callers
		c, err := net.Dial("udp", p.address().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, word)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		answer := make([]byte, 10)
		n, err := c.Read(answer)
		if err != nil || string(answer[:n]) != strings.ToUpper(word) {
			t.Errorf("%q, %v", answer[:n], err)
		}
	}
}
