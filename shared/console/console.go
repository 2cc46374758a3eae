// Package console is the terminal of a container: a pseudo-terminal of the container's own
// devpts (pty(7)), and what stands between it and the terminal of a person.
//
// It is plumbing, taught by no lesson and free for all; lesson 07 uses it.
//
//	person ⇄ terminal, raw ⇄ mydocker ⇄ master ┊ slave ⇄ the command
//	                                             ┊ in the container
package console

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A Console is both ends of a pseudo-terminal. The slave is for the command and is closed
// here when the command has it: as long as it is open here, no end is ever read.
type Console struct {
	Master *os.File // of Go's poller: a deadline ends a Read and a Write
	Slave  *os.File
}

// multiplexer is what makes pseudo-terminals (pts(4)), in a container's root.
const multiplexer = "dev/pts/ptmx"

// Open makes a pseudo-terminal in a container; root is its / (an O_PATH descriptor, of
// /proc/PID/root or inside of "/").
//
// The container owns that file tree, so nothing in it is taken at its word: no link is
// followed, what stands there is looked at before it is opened for use, and the slave is
// never searched for by a name (TIOCGPTPEER, ioctl_tty(2); CVE-2025-52565).
func Open(root *os.File) (*Console, error) {
	const path = multiplexer
	at, err := unix.Openat2(int(root.Fd()), path, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("openat2(%q, RESOLVE_IN_ROOT): %w", path, err)
	}
	defer unix.Close(at)
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(at, &fs); err != nil {
		return nil, fmt.Errorf("fstatfs(%q): %w", path, err)
	}
	if err := unix.Fstat(at, &st); err != nil {
		return nil, fmt.Errorf("fstat(%q): %w", path, err)
	}
	if fs.Type != unix.DEVPTS_SUPER_MAGIC || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(5, 2) {
		return nil, fmt.Errorf("the container's /%s is not the multiplexer of a devpts", path)
	}

	// The same inode, by way of the descriptor: not another that has taken its place.
	master, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", at), unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", path, err)
	}
	c := &Console{Master: os.NewFile(uintptr(master), "ptmx")}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		c.Master.Close()
		return nil, fmt.Errorf("ioctl(ptmx, TIOCSPTLCK): %w", err)
	}
	slave, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		c.Master.Close()
		return nil, fmt.Errorf("ioctl(ptmx, TIOCGPTPEER): %w", errno)
	}
	c.Slave = os.NewFile(slave, "pts")
	return c, nil
}

// Own gives the slave to the container's user, as grantpt(3) does: whoever made it, it is
// the user's terminal.
func (c *Console) Own(uid, gid int) error {
	if err := unix.Fchown(int(c.Slave.Fd()), uid, gid); err != nil {
		return fmt.Errorf("fchown(pts, %d, %d): %w", uid, gid, err)
	}
	return nil
}

// Close closes what is still open.
func (c *Console) Close() error {
	c.Slave.Close()
	return c.Master.Close()
}
