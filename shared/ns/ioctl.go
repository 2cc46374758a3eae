package ns

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Owner is the user namespace that a namespace belongs to (ioctl_ns(2)). EPERM: it is out
// of the caller's sight. The descriptor is the caller's to close.
func Owner(f *os.File) (*os.File, error) { return related(f, unix.NS_GET_USERNS, "NS_GET_USERNS") }

// Parent is the namespace above a namespace; only PID and user namespaces have one. EPERM:
// there is none, or it is out of the caller's sight. The descriptor is the caller's to close.
func Parent(f *os.File) (*os.File, error) { return related(f, unix.NS_GET_PARENT, "NS_GET_PARENT") }

func related(f *os.File, request uint, name string) (*os.File, error) {
	fd, err := unix.IoctlRetInt(int(f.Fd()), request)
	if err != nil {
		return nil, fmt.Errorf("ioctl(%s, %s): %w", f.Name(), name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// KindOf tells the kind of the namespace that a descriptor stands for.
func KindOf(f *os.File) (Flags, error) {
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE)
	if err != nil {
		return 0, fmt.Errorf("ioctl(%s, NS_GET_NSTYPE): %w", f.Name(), err)
	}
	return Flags(kind), nil
}

// IDOf names the namespace that a descriptor stands for.
func IDOf(f *os.File) (ID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return ID{}, fmt.Errorf("fstat(%s): %w", f.Name(), err)
	}
	return ID{Dev: uint64(st.Dev), Ino: st.Ino}, nil
}
