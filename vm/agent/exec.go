//go:build linux

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/vm/internal/wire"
)

// eventsFD is the descriptor on which a command may report to the host, beside its output.
const eventsFD = 3

// defaultEnv is the environment of every command, before what the host adds.
var defaultEnv = []string{
	"PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"COURSE_LAB=1",
	"COURSE_EVENTS=3",
}

// A command is one program that the host asked for, and its streams.
type command struct {
	conn *wire.Conn
	id   uint32
	in   *queue // frames for the command, in order

	mu  sync.Mutex
	pid int
	tty *os.File
}

// run starts the program, carries its streams, and reports its end.
func (c *command) run(req wire.ExecRequest) {
	code, err := c.execute(req)
	report := wire.ExitReport{Code: code}
	if err != nil {
		report.Error = err.Error()
		report.Code = notStarted(err)
	}
	c.in.close()
	c.conn.SendJSON(wire.Exit, c.id, report)
}

// notStarted is a shell's answer to a program that did not start.
func notStarted(err error) int {
	if errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}

func (c *command) execute(req wire.ExecRequest) (int, error) {
	who, err := lookUp(req.User)
	if err != nil {
		return 0, err
	}
	env := environment(who, req.Env)
	program, err := lookPath(req.Argv[0], env)
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: req.Dir, Env: env, Sys: who.attr()}
	if attr.Dir == "" {
		attr.Dir = who.home
	}
	if who.cgroup != "" {
		dir, err := os.Open(who.cgroup)
		if err != nil {
			return 0, err
		}
		defer dir.Close()
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(dir.Fd())
	}
	s, err := c.openStreams(req)
	if err != nil {
		return 0, err
	}
	if req.TTY {
		attr.Sys.Setsid, attr.Sys.Setctty, attr.Sys.Ctty = true, true, 0
	} else {
		attr.Sys.Setpgid = true
	}
	attr.Files = s.childFDs()
	argv := append([]string{program}, req.Argv[1:]...)
	pid, ended, err := fork(argv, attr)
	s.closeChildSide()
	if err != nil {
		s.closeOurSide()
		return 0, err
	}
	c.mu.Lock()
	c.pid, c.tty = pid, s.tty
	c.mu.Unlock()
	go c.feed(s.stdin)
	status := <-ended
	s.drain()
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// environment is the default, the user's own, and what the host added; the last one wins.
func environment(who user, extra []string) []string {
	env := append([]string{}, defaultEnv...)
	env = append(env, "HOME="+who.home, "USER="+who.name, "LOGNAME="+who.name)
	byName := map[string]int{}
	var out []string
	for _, kv := range append(env, extra...) {
		name, _, _ := strings.Cut(kv, "=")
		if i, ok := byName[name]; ok {
			out[i] = kv
			continue
		}
		byName[name] = len(out)
		out = append(out, kv)
	}
	return out
}

// lookPath is what execvp(3) does, with the PATH of the command and not of the agent.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, kv := range env {
		path, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			full := filepath.Join(dir, name)
			if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return full, nil
			}
		}
	}
	return "", &fs.PathError{Op: "exec", Path: name, Err: unix.ENOENT}
}

// feed gives the host's frames to the command. It has a goroutine of its own, so that
// a command that does not read its input holds up nobody else.
func (c *command) feed(stdin io.WriteCloser) {
	for {
		f, ok := c.in.next()
		if !ok {
			return
		}
		switch f.Kind {
		case wire.Stdin:
			stdin.Write(f.Payload) // an error is the command's: it closed its input
		case wire.StdinEOF:
			stdin.Close()
		case wire.Resize:
			c.resize(f.Payload)
		}
	}
}

// signal goes to the whole process group, as the terminal's Ctrl-C does.
func (c *command) signal(number byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid > 0 {
		unix.Kill(-c.pid, unix.Signal(number))
	}
}
