package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/console"
	"mydocker.example/shared/labtest"
)

// A screen is what a person sees, and a keyboard.
type screen struct {
	t       *testing.T
	console *console.Console
	mu      sync.Mutex
	text    bytes.Buffer
}

func newScreen(t *testing.T) *screen {
	root, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	c, err := console.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, console: c}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := c.Master.Read(buffer)
			s.mu.Lock()
			s.text.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) size(rows, columns uint16) {
	if err := console.SetSize(s.console.Master, unix.Winsize{Row: rows, Col: columns}); err != nil {
		s.t.Fatal(err)
	}
}

// types sends keys, and waits until the screen shows a word.
func (s *screen) types(keys, word string) {
	s.t.Helper()
	s.console.Master.WriteString(keys)
	for range 600 {
		s.mu.Lock()
		seen := strings.Contains(s.text.String(), word)
		if seen {
			s.text.Reset()
		}
		s.mu.Unlock()
		if seen {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Fatalf("after %q there is no %q on the screen:\n%s", keys, word, s.text.String())
}

// A terminal of the container's own: its size, changes of it, Ctrl-C, Ctrl-Z and job control;
// of run and of exec. Afterwards ours is as it was.
func TestTerminal(t *testing.T) {
	labtest.NeedLab(t)
	labtest.Leaks(t)
	root := t.TempDir()
	for _, args := range [][]string{{"run", "--name", "tty", "-it", "sh"}, {"exec", "-it", "host", "sh"}} {
		if args[0] == "exec" {
			if out, err := mydocker(root, "run", "-d", "--name", "host", "sleep", "1000").CombinedOutput(); err != nil {
				t.Fatalf("run -d: %v: %s", err, out)
			}
		}
		s := newScreen(t)
		s.size(33, 99)
		before, err := unix.IoctlGetTermios(int(s.console.Slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		cmd := mydocker(root, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = s.console.Slave, s.console.Slave, s.console.Slave
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.types("echo $((6*7)) $(tty)\n", "42 /dev/pts/")
		s.types("stty size\n", "33 99")
		s.size(44, 111)
		s.types("sleep 1; stty size\n", "44 111") // the news takes its way
		s.types("sleep 1000; echo the code is $?\n", "sleep 1000")
		time.Sleep(time.Second)
		s.types("\x03", "^C") // to sleep, and not to mydocker
		s.types("sleep 1000\n", "sleep 1000")
		time.Sleep(time.Second)
		s.types("\x1a", "Stopped")
		s.types("kill %1; fg; echo on $((5*5))\n", "on 25")
		s.types("exit 5\n", "exit 5")
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 5 {
			t.Errorf("%v: exit code %d", args, code)
		}
		after, err := unix.IoctlGetTermios(int(s.console.Slave.Fd()), unix.TCGETS)
		if err != nil || *after != *before {
			t.Errorf("%v: our terminal is not as it was: %v", args, err)
		}
		s.console.Close()
	}
	if out, err := mydocker(root, "rm", "-f", "tty", "host").CombinedOutput(); err != nil {
		t.Errorf("rm: %v: %s", err, out)
	}
	empty(t, root)
}
