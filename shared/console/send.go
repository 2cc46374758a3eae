package console

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A container's terminal is made where its devpts is in sight, in the container, and its
// master is wanted outside: it goes there through a socket (SCM_RIGHTS, unix(7)).

// Socket is a pair of connected sockets: one for each side. Both are close-on-exec.
func Socket() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair(AF_UNIX): %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "console socket"), os.NewFile(uintptr(fds[1]), "console socket"), nil
}

// Send sends the master to the other side, in the container.
func (c *Console) Send(socket *os.File) error {
	return control(c.Master, func(master int) error {
		return control(socket, func(fd int) error {
			if err := unix.Sendmsg(fd, []byte{0}, unix.UnixRights(master), nil, unix.MSG_NOSIGNAL); err != nil {
				return fmt.Errorf("sendmsg(SCM_RIGHTS): %w", err)
			}
			return nil
		})
	})
}

// Receive takes the master, outside. It comes from a container, so it is what it says it is
// only if the kernel says so too.
func Receive(socket *os.File) (*os.File, error) {
	var fds []int
	err := control(socket, func(fd int) error {
		control := make([]byte, unix.CmsgSpace(4))
		var n int
		err := error(unix.EINTR)
		for errors.Is(err, unix.EINTR) {
			_, n, _, _, err = unix.Recvmsg(fd, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
		}
		if err != nil {
			return fmt.Errorf("recvmsg: %w", err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil || len(messages) != 1 {
			return errors.New("console: the other side sent no terminal")
		}
		fds, err = unix.ParseUnixRights(&messages[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, fd := range fds[1:] {
		unix.Close(fd)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fds[0], &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(st.Rdev) != 5 || unix.Minor(st.Rdev) != 2 {
		unix.Close(fds[0])
		return nil, errors.New("console: what the other side sent is no master of a terminal")
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		return nil, fmt.Errorf("fcntl(ptmx, O_NONBLOCK): %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "ptmx"), nil
}
