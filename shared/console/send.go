package console

import (
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/join"
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

// Program is Open, Own and SetSize, and then the sending, for a process that cannot run Go:
// it writes the calls down. root is the container's /, held; socket a descriptor of the
// process. It returns the slave, and leaves the process nothing else.
func Program(p *join.Program, root join.Result, socket, uid, gid int, size unix.Winsize) (slave join.Result) {
	how := unix.OpenHow{
		Flags:   unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	opened := p.Call(join.Textf("openat2(%q, RESOLVE_IN_ROOT)", multiplexer), unix.SYS_OPENAT2, root, multiplexer, join.Struct(how), unsafe.Sizeof(how))
	// A volume can lie over /dev/pts, and bring what it likes, but no device that opens.
	is := func(at uintptr, mask, want uint64) {
		p.Check(join.Textf("the container's /%s is not the multiplexer of a devpts", multiplexer), at, mask, want, unix.EINVAL)
	}
	fs, st := p.Memory(make([]byte, unsafe.Sizeof(unix.Statfs_t{}))), p.Memory(make([]byte, unsafe.Sizeof(unix.Stat_t{})))
	p.Call(join.Textf("fstatfs(%q)", multiplexer), unix.SYS_FSTATFS, opened, fs)
	is(fs+unsafe.Offsetof(unix.Statfs_t{}.Type), math.MaxUint32, unix.DEVPTS_SUPER_MAGIC)
	p.Call(join.Textf("fstat(%q)", multiplexer), unix.SYS_FSTAT, opened, st)
	is(st+unsafe.Offsetof(unix.Stat_t{}.Mode), unix.S_IFMT, unix.S_IFCHR)
	is(st+unsafe.Offsetof(unix.Stat_t{}.Rdev), math.MaxUint32, unix.Mkdev(5, 2))

	// To a number that can be written into a message in advance.
	const master = 100
	p.Call("dup3(ptmx)", unix.SYS_DUP3, opened, master, unix.O_CLOEXEC)
	p.Call("close(ptmx)", unix.SYS_CLOSE, opened)
	p.Call("ioctl(ptmx, TIOCSPTLCK)", unix.SYS_IOCTL, master, unix.TIOCSPTLCK, make([]byte, 4))
	slave = p.Call("ioctl(ptmx, TIOCGPTPEER)", unix.SYS_IOCTL, master, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	p.Call(join.Textf("fchown(pts, %d, %d)", uid, gid), unix.SYS_FCHOWN, slave, uid, gid)
	p.Call("ioctl(ptmx, TIOCSWINSZ)", unix.SYS_IOCTL, master, unix.TIOCSWINSZ, join.Struct(size))
	p.Send(socket, master)
	p.Call("close(the socket)", unix.SYS_CLOSE, socket)
	p.Call("close(ptmx)", unix.SYS_CLOSE, master)
	return slave
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
