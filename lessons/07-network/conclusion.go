package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/caps/thread"
	"mydocker.example/shared/ns"
	"mydocker.example/shared/proof"
	"mydocker.example/shared/reexec"
	"mydocker.example/shared/rootfs"
)

// The conclusion needs containers to make holes in. A cell is one, made of what the lessons
// before have taught: namespaces (02), a root (03), docker's capabilities (06). Most of its
// fields are holes in the wall.
type cell struct {
	Root       string          // the folder that becomes /
	Volumes    []rootfs.Volume // folders of the host
	Socket     bool            // the descriptor 3 that it is started with stays open
	Shared     ns.Flags        // kinds of namespaces that it does not get: it has ours
	Join       int             // a process …
	JoinKinds  ns.Flags        // … whose namespaces of these kinds it enters
	Privileged bool            // all capabilities, nothing masked, devices open
	Sealed     bool            // and the other way round: no capability, nothing to write, no lo

	Serve   string // instead of Command: answer every connection, on descriptor 3 or at this address
	Command []string
	Input   string
}

// everyKind is what a container gets by itself. It has our users: lesson 05 is another story.
const everyKind = ns.Mount | ns.PID | ns.UTS | ns.IPC | ns.Network | ns.Cgroup

// prepare makes the command, in the parent, before clone(2).
func (c cell) prepare() (*exec.Cmd, error) {
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	cmd := reexec.Command("cell", string(config))
	cmd.Env = append(os.Environ(), "PATH=/bin")
	cmd.Stdin = strings.NewReader(c.Input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(everyKind &^ c.Shared &^ c.JoinKinds), Setsid: true}
	return cmd, nil
}

// say runs a command of busybox in the cell, and returns what it said.
func (c cell) say(script string) (string, error) {
	c.Command = []string{"/bin/sh", "-c", script}
	cmd, err := c.prepare()
	if err != nil {
		return "", err
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // what it said tells
	}
	return strings.TrimSpace(string(out)), err
}

// saw is say, as a fact.
func (c cell) saw(r *proof.Report, key, who, script string) error {
	said, err := c.say(script)
	r.Saw(key, who+": "+script, said)
	return err
}

// start starts the cell and returns when it has said its first line. It dies with its input.
func (c cell) start() (*runningCell, error) {
	cmd, err := c.prepare()
	if err != nil {
		return nil, err
	}
	return startCell(cmd)
}

// A runningCell is a container that goes on.
type runningCell struct {
	pid  int
	cmd  *exec.Cmd
	in   io.Closer
	said string // its first line
}

func startCell(cmd *exec.Cmd) (*runningCell, error) {
	cmd.Stdin = nil
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var faults bytes.Buffer
	cmd.Stderr = &faults
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &runningCell{pid: cmd.Process.Pid, cmd: cmd, in: in}
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		c.end()
		return nil, fmt.Errorf("the cell did not start: %s: %w", faults.String(), err)
	}
	c.said = strings.TrimSpace(string(line[:n]))
	return c, nil
}

// end ends the cell, and with its process 1 the kernel ends all that is in it.
func (c *runningCell) end() {
	c.cmd.Process.Kill()
	c.in.Close()
	c.cmd.Wait()
}

func init() { reexec.Register("cell", cellInit) }

// cellInit runs in the child: after clone(2) and the execve(2) of this program.
func cellInit() {
	// Namespaces and capabilities are a thread's. Never unlocked: it ends with execve(2).
	runtime.LockOSThread()
	if err := enterCell(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(125)
	}
}

func enterCell(config string) error {
	var c cell
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	// setns(2) first: the descriptors of these namespaces are found in the old /proc. The kinds
	// that are joined here may be joined by one thread of many (mount and user may not).
	for _, kind := range c.JoinKinds.Kinds() {
		if err := joinNamespace(c.Join, kind); err != nil {
			return err
		}
	}
	// Before the capabilities go. A network namespace is born with a lo that is down.
	if (c.Shared|c.JoinKinds)&ns.Network == 0 && !c.Sealed {
		if err := loopbackUp(); err != nil {
			return err
		}
	}
	tree := rootfs.Defaults()
	tree.Root, tree.Volumes, tree.ReadOnly = c.Root, c.Volumes, c.Sealed
	if c.Privileged {
		tree.ReadOnlyPaths, tree.MaskedPaths, tree.NoDev = nil, nil, false
	}
	if err := tree.Enter(); err != nil {
		return err
	}
	if !c.Privileged {
		keep := caps.Docker
		if c.Sealed {
			keep = 0
		}
		if err := errors.Join(thread.Limit(keep), thread.NoNewPrivs()); err != nil {
			return err
		}
	}
	if c.Serve != "" {
		return serveCell(c)
	}
	if err := rootfs.CloseOnExec(); err != nil {
		return err
	}
	return unix.Exec(c.Command[0], c.Command, []string{"PATH=/bin"})
}

// joinNamespace is setns(2) into one namespace of a process.
func joinNamespace(pid int, kind ns.Flags) error {
	path := fmt.Sprintf("/proc/%d/ns/%s", pid, kind.Link())
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), int(kind)); err != nil {
		return fmt.Errorf("setns(%q): %w", path, err)
	}
	return nil
}

// newCell makes a cell with a default root, and a folder of the host for what else is needed.
func newCell() (c cell, dir string, cleanup func(), err error) {
	dir, err = os.MkdirTemp("", "host-")
	if err != nil {
		return c, "", nil, err
	}
	c.Root = filepath.Join(dir, "root")
	if err := rootfs.Default(c.Root); err != nil {
		os.RemoveAll(dir)
		return c, "", nil, err
	}
	return c, dir, func() { os.RemoveAll(dir) }, nil
}

// volume gives a container a folder of the host.
var volume = proof.Proof{
	ID: "volume",
	Guest: func(r *proof.Report) error {
		c, dir, cleanup, err := newCell()
		if err != nil {
			return err
		}
		defer cleanup()
		data := filepath.Join(dir, "data")
		if err := errors.Join(
			os.Mkdir(data, 0o755),
			os.WriteFile(filepath.Join(data, "letter"), []byte("from the host"), 0o644),
			os.WriteFile(filepath.Join(dir, "diary"), []byte("nobody's business"), 0o600),
		); err != nil {
			return err
		}
		if err := c.saw(r, "letter-without", "no volume", "cat /data/letter"); err != nil {
			return err
		}

		c.Volumes = []rootfs.Volume{{Source: data, Target: "/data"}}
		if err := errors.Join(
			c.saw(r, "letter-with", "-v "+data+":/data", "cat /data/letter"),
			c.saw(r, "wrote", "-v "+data+":/data", "echo from inside >/data/reply && echo written"),
			c.saw(r, "diary", "-v "+data+":/data", "cat /data/../diary"),
		); err != nil {
			return err
		}
		reply, err := os.ReadFile(filepath.Join(data, "reply"))
		if err != nil {
			return err
		}
		r.Saw("reply", "the host: cat "+data+"/reply", strings.TrimSpace(string(reply)))

		c.Volumes[0].ReadOnly = true
		return c.saw(r, "read-only", "-v "+data+":/data:ro", "echo more >/data/reply")
	},
	Judge: func(s *proof.Seen) {
		s.Check(strings.Contains(s.Get("letter-without"), "No such file"), "the wall has a hole without a volume: %s", s.Get("letter-without"))
		s.Equal("letter-with", "from the host")
		s.Equal("wrote", "written")
		s.Equal("reply", "from inside")
		s.Check(strings.Contains(s.Get("diary"), "No such file"), "the hole is wider than the volume: %s", s.Get("diary"))
		s.Check(strings.Contains(s.Get("read-only"), "Read-only file system"), "a read-only volume was written: %s", s.Get("read-only"))
	},
}
