package main

import (
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/caps"
	"mydocker.example/shared/console"
	"mydocker.example/shared/join"
)

// Process 1 of a container. It stays, and the command is its child:
//
//	mydocker ──clone, execve──▶ init (process 1) ──clone, execve──▶ the command
//	     ── "go on" ──────────▶                 ◀── orphans ── whatever that starts
//
// Up to lesson 06 it was mydocker itself, executed once more, and each container waited for
// a second Go program to start. What it does is known before it is born, so here it is
// written down, call by call, on the host's side (join.Program). The child makes the calls:
// after clone(2) into the new namespaces, and after an execve(2) of the finished list. In a
// container there is nothing of mydocker, neither its program nor its memory.

// init writes process 1.
func (c *container) init() (*join.Program, error) {
	spec := &c.spec
	set, bounding, err := spec.capabilities()
	if err != nil {
		return nil, err
	}
	cmd, err := c.command(set)
	if err != nil {
		return nil, err
	}
	p := join.NewProgram()
	if c.gate != nil {
		c.gate.pass(p)
	}
	p.Begin()
	bridged := spec.NetworkMode == "bridge"
	if bridged { // its address is chosen when it has a network, and is a line of a file in its root
		p.AwaitByte(join.Report)
	}
	p.Call("prctl(PR_SET_NAME)", unix.SYS_PRCTL, unix.PR_SET_NAME, "init", 0, 0, 0)
	if spec.PIDMode != "" { // it is not process 1, and wants to wait for orphans all the same
		p.Call("prctl(PR_SET_CHILD_SUBREAPER)", unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	p.Call(join.Textf("sethostname(%q)", spec.Hostname), unix.SYS_SETHOSTNAME, spec.Hostname, len(spec.Hostname))
	if err := keepOOMScore(p); err != nil {
		return nil, err
	}
	if spec.NetworkMode == "none" {
		if err := loopbackUp(p); err != nil {
			return nil, err
		}
	}
	root, err := enterRoot(p, *spec, c.lower)
	if err != nil {
		return nil, err
	}
	// From here on every path is the container's.
	p.Call("umask(022)", unix.SYS_UMASK, 0o022) // docker's
	makeCwd(p, root, spec.Process.Cwd)
	var terminal join.Result
	if c.console > 0 {
		size := terminalSize(c.caller.stdin, c.caller.stdout)
		terminal = console.Program(p, root, c.console, cmd.UID, cmd.GID, size)
	} else {
		// The user's, or it could not open /dev/stdout again.
		for fd := range 3 {
			if fd > 0 || spec.Interactive {
				p.Call(join.Textf("fchown(%d)", fd), unix.SYS_FCHOWN, fd, cmd.UID, cmd.GID)
			}
		}
	}

	// The command waits until it is in the record: what runs can be found.
	if !bridged {
		p.AwaitByte(join.Report)
	}
	command, itself := p.Fork()
	c.connectCommand(p, terminal)
	p.Command(cmd)

	p.Here(itself)
	p.Call("close_range", unix.SYS_CLOSE_RANGE, 0, uint(lastDescriptor), 0)
	stepDown(p, set|caps.Of(unix.CAP_KILL)&bounding)
	p.Wait(command)
	return p, nil
}

// command is what process 1 will start.
func (c *container) command(set caps.Set) (*join.Cmd, error) {
	process := &c.spec.Process
	if err := notOurs(process.Args[0]); err != nil {
		return nil, err
	}
	filter, err := filterFor(c.spec, set)
	if err != nil {
		return nil, err
	}
	// In the files of the rootfs, as docker does: a volume that is to lie over them does not count.
	rootfs, err := os.OpenFile(c.spec.Root.Path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer rootfs.Close()
	user, home, err := lookUp(rootfs, process.User.Username)
	if err != nil {
		return nil, err
	}
	cmd := process.cmd(user, home)
	process.confine(cmd, set, filter)
	cmd.Terminal, cmd.TryGroups = process.Terminal, c.spec.Linux.UIDMappings != nil
	return cmd, nil
}

// keepOOMScore: never less than 0, which would be an order to the kernel to kill others
// first (proc_pid_oom_score_adj(5)). What process 1 has, the command has.
func keepOOMScore(p *join.Program) error {
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil || !strings.HasPrefix(string(text), "-") {
		return err
	}
	file := p.Call("open(oom_score_adj)", unix.SYS_OPENAT, atCWD, "/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC)
	p.Call("write(oom_score_adj, 0)", unix.SYS_WRITE, file, "0", 1)
	return nil
}

var atCWD = func() uintptr { n := unix.AT_FDCWD; return uintptr(n) }()

// makeCwd makes the folder that the command starts in, as docker does. Links are followed as
// the container would, but for those of /proc, which lead anywhere: such a folder is not
// made, and whether it is in the container the command itself asks.
func makeCwd(p *join.Program, root join.Result, dir string) {
	there, elsewhere := &join.Label{}, &join.Label{}
	open := func(path string) join.Result {
		how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_DIRECTORY, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
		return p.Call(join.Textf("the folder %q of the container", dir), unix.SYS_OPENAT2, root, path, join.Struct(how), unsafe.Sizeof(how)).On(unix.ELOOP, there)
	}
	dir = filepath.Clean(dir)
	open(dir).On(unix.ENOENT, elsewhere)
	p.Go(there)

	p.Here(elsewhere)
	above, at := root, "/"
	for _, part := range strings.Split(dir, "/")[1:] {
		p.Call(join.Textf("the folder %q of the container", dir), unix.SYS_MKDIRAT, above, part, 0o755).Ignore(unix.EEXIST, unix.EROFS)
		at = filepath.Join(at, part)
		above = open(at)
	}
	p.Here(there)
}

// connectCommand gives the command its descriptors 0, 1 and 2, in the command's process.
func (c *container) connectCommand(p *join.Program, terminal join.Result) {
	switch {
	case c.console > 0:
		for fd := range 3 {
			p.Call(join.Textf("dup3(pts, %d)", fd), unix.SYS_DUP3, terminal, fd, 0)
		}
	case !c.spec.Interactive: // the container's own
		null := p.Call(`open("/dev/null")`, unix.SYS_OPENAT, atCWD, "/dev/null", unix.O_RDWR|unix.O_CLOEXEC)
		p.Call("dup3(/dev/null, 0)", unix.SYS_DUP3, null, 0, 0)
	}
}

// stepDown leaves process 1 what the container has, and CAP_KILL: the rest of its life needs
// no power but to signal those who have given theirs up. And it cannot be made to get back
// by an execve(2) what it gave up: with SYS_PTRACE somebody inside could try.
func stepDown(p *join.Program, keep caps.Set) {
	p.DropBounding(uint64(keep))
	p.Call("prctl(PR_SET_NO_NEW_PRIVS)", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	lo, hi := uint32(keep), uint32(keep>>32)
	p.Call(join.Textf("capset(%s)", keep), unix.SYS_CAPSET,
		join.Struct(unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}),
		join.Struct([2]unix.CapUserData{{Effective: lo, Permitted: lo}, {Effective: hi, Permitted: hi}})) // 64 bits in two halves
}

// loopbackUp starts the loopback device of process 1's own network namespace (netdevice(7)).
func loopbackUp(p *join.Program) error {
	// homework: net-modes
	// TODO: Three calls of p. A socket, any; an ifreq of the name lo (unix.NewIfreq) with the
	// flag IFF_UP; and the ioctl SIOCSIFFLAGS, whose third argument is that struct's bytes
	// (join.Struct).
	socket := p.Call("socket(AF_INET)", unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	p.Call(`ioctl(SIOCSIFFLAGS, "lo", IFF_UP)`, unix.SYS_IOCTL, socket, unix.SIOCSIFFLAGS, join.Struct(*request))
	return nil
	// end
}
