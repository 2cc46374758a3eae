package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
)

func init() {
	reexec.Register("leaves-a-note", leavesANote)
	reexec.Register("finds-the-note", findsTheNote)
	reexec.Register("calls-in", callsIn)
}

// leavesANote runs in a child: it writes a file, locks it, and stays.
func leavesANote() {
	f, err := os.OpenFile(os.Args[1], os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	check(err)
	_, err = f.WriteString("meet me at noon\n")
	check(err)
	check(unix.Flock(int(f.Fd()), unix.LOCK_EX))
	fmt.Println(inode(f))
	io.Copy(io.Discard, os.Stdin) // until the proof has seen enough
}

// findsTheNote runs in another child: it has nothing of the first but a name.
func findsTheNote() {
	f, err := os.Open(os.Args[1])
	check(err)
	fmt.Println(inode(f))
	text, err := io.ReadAll(f)
	check(err)
	fmt.Print(string(text))
	fmt.Println(answer(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)))
}

// inode is how fstat(2) names the file behind a descriptor: a device and a number on it.
func inode(f *os.File) string {
	var st unix.Stat_t
	check(unix.Fstat(int(f.Fd()), &st))
	return fmt.Sprintf("%d:%d inode %d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}

// check ends a child that cannot go on; its parent sees the exit code.
func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

// meetFile: two processes and a name.
var meetFile = proof.Proof{
	ID: "meet-file",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "meeting-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		note := filepath.Join(dir, "note")

		first := reexec.Command("leaves-a-note", note)
		first.Stderr = os.Stderr
		stay, err := first.StdinPipe()
		if err != nil {
			return err
		}
		out, err := first.StdoutPipe()
		if err != nil {
			return err
		}
		if err := first.Start(); err != nil {
			return err
		}
		written, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return err
		}
		r.Saw("inode-first", "fstat(2) in the process that writes", strings.TrimSpace(written))

		second := reexec.Command("finds-the-note", note)
		second.Stderr = os.Stderr
		found, err := second.Output()
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(found)), "\n")
		for i, fact := range []struct{ key, question string }{
			{"inode-second", "fstat(2) in the process that reads"},
			{"text", "read(2) in the process that reads"},
			{"lock", "flock(2) there, while the first holds its lock"},
		} {
			if i < len(lines) {
				r.Saw(fact.key, fact.question, lines[i])
			}
		}
		stay.Close()
		return first.Wait()
	},
	Judge: func(s *proof.Seen) {
		s.Same("inode-first", "inode-second")
		s.Equal("text", "meet me at noon")
		s.Equal("lock", "EAGAIN") // EWOULDBLOCK is the same number
	},
}

// meetPipe: two processes and an object without a name, which both got from their parent.
var meetPipe = proof.Proof{
	ID: "meet-pipe",
	Guest: func(r *proof.Report) error {
		read, write, err := os.Pipe()
		if err != nil {
			return err
		}

		// Two cats: our line → writer → the pipe → reader → we.
		writer, reader := exec.Command("cat"), exec.Command("cat")
		writer.Stdout, reader.Stdin = write, read
		in, err := writer.StdinPipe()
		if err != nil {
			return err
		}
		out, err := reader.StdoutPipe()
		if err != nil {
			return err
		}
		if err := errors.Join(writer.Start(), reader.Start()); err != nil {
			return err
		}
		// After both are started, in the parent: as long as we held the writing end, the
		// reader would never see the end. This is the classic mistake with pipes.
		read.Close()
		write.Close()

		if _, err := fmt.Fprintln(in, "hello"); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return err
		}
		r.Saw("line", "hello, through two processes", strings.TrimSpace(line))
		for _, end := range []struct {
			key      string
			pid, fd  int
			question string
		}{
			{"writer-end", writer.Process.Pid, 1, "the writer's output"},
			{"reader-end", reader.Process.Pid, 0, "the reader's input"},
		} {
			link := fmt.Sprintf("/proc/%d/fd/%d", end.pid, end.fd)
			target, err := os.Readlink(link)
			if err != nil {
				return err
			}
			r.Saw(end.key, "readlink "+link+", "+end.question, target)
			_, err = os.Stat(target) // it looks like a name; it is none
			r.Saw("stat-"+end.key, "stat "+target, answer(err))
		}

		// The last writer closes: read(2) returns 0, the reader's loop is over.
		in.Close()
		if err := errors.Join(writer.Wait(), reader.Wait()); err != nil {
			return err
		}
		r.Sawf("reader-exit", "the writer ended; the reader's exit code", "%d", reader.ProcessState.ExitCode())

		// The last reader closes: write(2) is answered with SIGPIPE.
		read, write, err = os.Pipe()
		if err != nil {
			return err
		}
		yes := exec.Command("yes")
		yes.Stdout = write
		err = yes.Start()
		write.Close()
		read.Close()
		if err != nil {
			return err
		}
		yes.Wait()
		r.Saw("yes", "yes(1) into a pipe that nobody reads", yes.ProcessState.String())
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Equal("line", "hello")
		s.Same("writer-end", "reader-end")
		s.Check(strings.HasPrefix(s.Get("reader-end"), "pipe:["), "the reader reads from %s", s.Get("reader-end"))
		s.Equal("stat-reader-end", "ENOENT")
		s.Equal("reader-exit", "0")
		s.Equal("yes", "signal: broken pipe")
	},
}

// callsIn runs in a child: it connects to a path, says who it is, and reads an answer.
func callsIn() {
	conn, err := net.Dial("unix", os.Args[1])
	check(err)
	fmt.Fprintln(conn, "it's me")
	line, err := bufio.NewReader(conn).ReadString('\n')
	check(err)
	fmt.Print(line)
}

// meetSocket: two processes, a name to find each other by, and a kernel that introduces them.
var meetSocket = proof.Proof{
	ID: "meet-socket",
	Guest: func(r *proof.Report) error {
		dir, err := os.MkdirTemp("", "meeting-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "door")

		// socket(2), bind(2): this makes the name. listen(2).
		door, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return err
		}
		defer door.Close()
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		r.Saw("type", "ls -l door", info.Mode().String())
		// It has a name in the tree, and yet it is not a file: open(2) does not open it.
		_, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		r.Saw("open", "open(2) of door", answer(err))

		caller := reexec.Command("calls-in", path)
		caller.Stderr = os.Stderr
		out, err := caller.StdoutPipe()
		if err != nil {
			return err
		}
		if err := caller.Start(); err != nil {
			return err
		}
		conn, err := door.AcceptUnix()
		if err != nil {
			return err
		}
		defer conn.Close()
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			return err
		}
		r.Saw("said", "the caller says", strings.TrimSpace(line))
		// Who it is, the kernel says: it wrote it down in connect(2).
		cred, err := peer(conn)
		if err != nil {
			return err
		}
		r.Sawf("peer", "getsockopt(SO_PEERCRED): the caller's PID", "%d", cred.Pid)
		r.Sawf("caller", "the PID that clone(2) gave us", "%d", caller.Process.Pid)

		// The name was for finding each other. The talk goes on without it.
		if err := os.Remove(path); err != nil {
			return err
		}
		r.Saw("removed", "unlink(2) of door", "ok")
		fmt.Fprintln(conn, "come in")
		heard, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return err
		}
		r.Saw("heard", "the caller hears", strings.TrimSpace(heard))
		_, err = net.Dial("unix", path)
		r.Saw("late", "connect(2) of the next one", answer(err))
		return caller.Wait()
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.HasPrefix(s.Get("type"), "S"), "door is no socket: %s", s.Get("type"))
		s.Equal("open", "ENXIO")
		s.Same("peer", "caller")
		s.Equal("heard", "come in")
		s.Equal("late", "ENOENT")
	},
}

// peer asks the kernel who is at the other end (unix(7)).
func peer(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) {
		cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, asked
}
