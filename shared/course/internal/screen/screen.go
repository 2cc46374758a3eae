// Package screen uses a terminal as a person does: starts a command in tmux, types, waits for
// a word, looks. For tests of what a person sees and does; a server of tmux of its own for
// each, which reads nobody's configuration and is gone at Close.
//
//	s, err := screen.Start(ctx, screen.Options{Dir: dir}, "make", "watch-03")
//	defer s.Close()
//	err = s.WaitFor(ctx, "points", 10*time.Second)
//	err = s.Keys("C-c")
package screen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/child"
)

// ErrNoTmux is a failure of a test and never a reason to skip it: what a person sees is then
// held by nothing.
var ErrNoTmux = errors.New("tmux is not installed, and the tests of the terminal need it: sudo apt-get install tmux")

// Options say which terminal. The zero value is one of 80x24, with colours.
type Options struct {
	Dir           string   // where the command runs; "" is here
	Env           []string // KEY=value, beyond our own; TERM=dumb and NO_COLOR=1 too
	Width, Height int
}

// A Screen is a terminal with a command in it. Its last words stay there when it has ended.
type Screen struct {
	server *server
	pane   string // as tmux calls it: %0
}

// Start runs a command in a terminal of its own.
func Start(ctx context.Context, o Options, argv ...string) (*Screen, error) {
	srv, err := serve(ctx)
	if err != nil {
		return nil, err
	}
	s := &Screen{server: srv}
	size := []string{"-x", strconv.Itoa(or(o.Width, 80)), "-y", strconv.Itoa(or(o.Height, 24))}
	if err := s.open(append([]string{"new-session", "-d"}, size...), o, argv); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Split runs another command in a second pane, below this one, on the same terminal. Close of
// the first ends both.
func (s *Screen) Split(o Options, argv ...string) (*Screen, error) {
	below := &Screen{server: s.server}
	return below, below.open([]string{"split-window", "-v", "-d", "-t", s.pane}, o, argv)
}

// open makes a pane. env(1) has the last word: TERM is what tmux says it is, unless it is in Env.
func (s *Screen) open(how []string, o Options, argv []string) error {
	how = append(how, "-P", "-F", "#{pane_id}")
	if o.Dir != "" {
		how = append(how, "-c", o.Dir)
	}
	argv = slices.Concat([]string{"env"}, o.Env, argv)
	pane, err := s.server.tmux(append(append(how, "--"), argv...)...)
	s.pane = strings.TrimSpace(pane)
	return err
}

// Type types a text as it is; "\n" in it is not Enter.
func (s *Screen) Type(text string) error {
	_, err := s.server.tmux("send-keys", "-t", s.pane, "-l", "--", text)
	return err
}

// Keys presses keys by tmux's names: "Enter", "C-c", "Up", "Escape", "b".
func (s *Screen) Keys(names ...string) error {
	_, err := s.server.tmux(append([]string{"send-keys", "-t", s.pane, "--"}, names...)...)
	return err
}

// Line types a line and Enter.
func (s *Screen) Line(text string) error { return errors.Join(s.Type(text), s.Keys("Enter")) }

// Capture is what is to be seen now, line by line, without what is blank at their ends.
func (s *Screen) Capture() (string, error) { return s.capture() }

// Colours is Capture with the escape sequences that paint it.
func (s *Screen) Colours() (string, error) { return s.capture("-e") }

// All is Capture with what has been scrolled out of sight, and with lines that did not fit
// into the width joined again.
func (s *Screen) All() (string, error) { return s.capture("-J", "-S", "-") }

func (s *Screen) capture(flags ...string) (string, error) {
	text, err := s.server.tmux(append([]string{"capture-pane", "-p", "-t", s.pane}, flags...)...)
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n"), err
}

// Clear wipes the screen and what was scrolled out of it, so that WaitFor sees only what comes
// now. The command does not notice.
func (s *Screen) Clear() error {
	_, err := s.server.tmux("send-keys", "-R", "-t", s.pane, ";", "clear-history", "-t", s.pane)
	return err
}

// Resize gives the terminal, with all its panes, another size. The command gets a SIGWINCH.
func (s *Screen) Resize(width, height int) error {
	_, err := s.server.tmux("resize-window", "-t", s.pane, "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
	return err
}

// WaitFor waits until a text is there, also one that the edge of the screen has broken in two
// or that was scrolled away. limit is of a quiet machine: it grows with the load of this one.
func (s *Screen) WaitFor(ctx context.Context, text string, limit time.Duration) error {
	return s.WaitUntil(ctx, fmt.Sprintf("%q", text), limit, func(all string) bool { return strings.Contains(all, text) })
}

// WaitUntil waits until what is there, with what was scrolled away, is as ok wants it; what
// names that in the error.
func (s *Screen) WaitUntil(ctx context.Context, what string, limit time.Duration, ok func(all string) bool) error {
	p := patience{limit: limit, begun: time.Now()}
	for {
		ended, code, err := s.Ended() // asked first: its last words are seen all the same
		if err != nil {
			return err
		}
		all, err := s.All()
		switch {
		case err != nil:
			return err
		case ok(all):
			return nil
		case ended:
			return s.failed(fmt.Sprintf("the command ended with %d, without %s", code, what))
		case p.over():
			return s.failed(fmt.Sprintf("no %s in %v", what, p.waited()))
		}
		if err := sleep(ctx); err != nil {
			return s.failed(fmt.Sprintf("no %s: %v", what, err))
		}
	}
}

// WaitEnd waits for the end of the command and returns its exit code, 128+n when signal n
// ended it.
func (s *Screen) WaitEnd(ctx context.Context, limit time.Duration) (code int, err error) {
	p := patience{limit: limit, begun: time.Now()}
	for {
		ended, code, err := s.Ended()
		switch {
		case err != nil || ended:
			return code, err
		case p.over():
			return 0, s.failed(fmt.Sprintf("the command has not ended in %v", p.waited()))
		}
		if err := sleep(ctx); err != nil {
			return 0, s.failed("the command has not ended: " + err.Error())
		}
	}
}

// Ended says whether the command has ended, and with which exit code.
func (s *Screen) Ended() (ended bool, code int, err error) {
	said, err := s.server.tmux("display-message", "-p", "-t", s.pane, "#{pane_dead},#{pane_dead_status},#{pane_dead_signal}")
	if err != nil {
		return false, 0, err
	}
	f := strings.Split(strings.TrimSpace(said), ",")
	if len(f) != 3 || f[0] != "1" {
		return false, 0, nil
	}
	if n, err := strconv.Atoi(f[2]); err == nil {
		return true, 128 + n, nil
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		// The terminal is closed, and tmux has not waited for the command yet. It may have missed
		// the SIGCHLD: libutempter ignores the signal while it takes the line out of utmp(5).
		return false, 0, s.server.cmd.Process.Signal(unix.SIGCHLD)
	}
	return true, n, nil
}

// PID is the command's process.
func (s *Screen) PID() (int, error) {
	said, err := s.server.tmux("display-message", "-p", "-t", s.pane, "#{pane_pid}")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(said))
}

// Close ends the command, as the closing of a window does (SIGHUP), and all that it has
// started. What has not ended by itself is killed, and is an error.
func (s *Screen) Close() error { return s.server.close() }

// failed is an error with the screen in it: nobody was looking.
func (s *Screen) failed(why string) error {
	all, err := s.All()
	if err != nil {
		return fmt.Errorf("%s, and the screen cannot be seen: %w", why, err)
	}
	lines := strings.Split(all, "\n")
	if len(lines) > 60 {
		lines = append([]string{"…"}, lines[len(lines)-60:]...)
	}
	return fmt.Errorf("%s; the screen:\n  | %s", why, strings.Join(lines, "\n  | "))
}

// A server is a tmux of its own.
type server struct {
	dir string // its socket, and nothing else
	cmd *exec.Cmd
	out bytes.Buffer
}

// serve starts a server in the foreground: as our child it ends with us, however we end.
func serve(ctx context.Context) (*server, error) {
	if _, err := exec.LookPath("tmux"); err != nil {
		return nil, ErrNoTmux
	}
	dir, err := os.MkdirTemp("/tmp", "screen-") // the path of a socket is at most 107 bytes (unix(7))
	if err != nil {
		return nil, err
	}
	srv := &server{dir: dir}
	srv.cmd = child.Command(ctx, "tmux", "-S", srv.socket(), "-f", "/dev/null", "-D")
	srv.cmd.Env = utf8(slices.DeleteFunc(srv.cmd.Env, inherited))
	srv.cmd.Stdout, srv.cmd.Stderr = &srv.out, &srv.out
	if err := srv.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := srv.ready(ctx); err != nil {
		return nil, errors.Join(err, srv.close())
	}
	_, err = srv.tmux("set", "-g", "status", "off", ";", "set", "-g", "remain-on-exit", "on", ";",
		"set", "-gq", "remain-on-exit-format", "", ";", // no last line of tmux's own, which would scroll the first away
		"set", "-g", "history-limit", "20000", ";", "set", "-g", "default-terminal", "screen-256color")
	if err != nil {
		return nil, errors.Join(err, srv.close())
	}
	return srv, nil
}

func (srv *server) socket() string { return filepath.Join(srv.dir, "tmux") }

func (srv *server) ready(ctx context.Context) error {
	p := patience{limit: 5 * time.Second, begun: time.Now()}
	for {
		_, err := os.Stat(srv.socket())
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return err
		case p.over():
			return fmt.Errorf("tmux made no socket in %v: %s", p.waited(), &srv.out)
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
}

// tmux asks the server something. -u: what comes back is UTF-8, whatever the locale.
func (srv *server) tmux(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", srv.socket()}, args...)...)
	cmd.Env = srv.cmd.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// inherited is what a terminal of a person's has not: another tmux around it, or a make.
func inherited(kv string) bool {
	name, _, _ := strings.Cut(kv, "=")
	return strings.HasPrefix(name, "TMUX") || name == "MAKELEVEL" || name == "MAKEFLAGS" || name == "MFLAGS"
}

// utf8 makes the locale one in which tmux is willing to work.
func utf8(env []string) []string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set decides (locale(7))
		for _, kv := range env {
			if value, ok := strings.CutPrefix(kv, name+"="); ok && value != "" {
				if upper := strings.ToUpper(value); strings.HasSuffix(upper, "UTF-8") || strings.HasSuffix(upper, "UTF8") {
					return env
				}
				return append(env, name+"=C.UTF-8")
			}
		}
	}
	return append(env, "LC_CTYPE=C.UTF-8")
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
