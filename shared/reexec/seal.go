package reexec

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A process that is about to become a container's still is this program: /proc/self/exe
// names its file on the host, and who executes that name in the container, or a script that
// begins with it, holds a way to the file in hands, and may write to it as soon as nobody
// runs it any more (CVE-2019-5736). So a program that goes into a container goes there from
// a file that nobody can write to.

// Sealed opens the running program so that it can be executed and never written to:
// through a mount of its own, which is read-only, or where mounting is not allowed, as a
// sealed copy in memory (memfd_create(2)). To start it: a Path of "/proc/self/fd/N". The
// number is far above those that os/exec uses in the child.
func Sealed() (*os.File, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer exe.Close()
	if isSealed(exe) {
		return far(int(exe.Fd()))
	}
	fd, err := readOnlyView(exe)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		fd, err = sealedCopy(exe)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return far(fd)
}

// Seal makes the running program go on from such a file: it executes itself, with the same
// arguments. Call it first of all, for nothing but those and the environment is kept. Once
// more, it does nothing.
func Seal() error {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	sealed := isSealed(exe)
	exe.Close()
	switch {
	case sealed:
		return os.Unsetenv(sealedEnv)
	case os.Getenv(sealedEnv) != "": // or we would go round for ever
		return errors.New("reexec: this program has been sealed, and can be written to")
	}
	f, err := Sealed()
	if err != nil {
		return err
	}
	defer f.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	return fmt.Errorf("execve(%q): %w", path, unix.Exec(path, os.Args, append(os.Environ(), sealedEnv+"=1")))
}

const sealedEnv = "REEXEC_SEALED"

// isSealed: the file's mount is read-only, or the file is a sealed one.
func isSealed(exe *os.File) bool {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(exe.Fd()), &fs); err == nil && fs.Flags&unix.ST_RDONLY != 0 {
		return true
	}
	seals, err := unix.FcntlInt(exe.Fd(), unix.F_GET_SEALS, 0)
	return err == nil && seals&unix.F_SEAL_WRITE != 0
}

// readOnlyView is the file by way of a mount that is in no namespace, and read-only.
func readOnlyView(exe *os.File) (int, error) {
	fd, err := unix.OpenTree(int(exe.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, fmt.Errorf("open_tree(/proc/self/exe): %w", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("mount_setattr(/proc/self/exe, MOUNT_ATTR_RDONLY): %w", err)
	}
	return fd, nil
}

func sealedCopy(exe *os.File) (int, error) {
	const name = "mydocker" // what /proc/PID/exe shows
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every memfd was executable
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	copy := os.NewFile(uintptr(fd), name)
	defer copy.Close()
	if _, err := io.Copy(copy, exe); err != nil {
		return -1, err
	}
	if _, err := unix.FcntlInt(copy.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return -1, fmt.Errorf("fcntl(memfd, F_ADD_SEALS): %w", err)
	}
	// Not the descriptor itself: what is open for writing cannot be executed (ETXTBSY).
	fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", copy.Fd()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open(memfd): %w", err)
	}
	return fd, nil
}

// far is a copy of a descriptor, with a number that is in nobody's way.
func far(fd int) (*os.File, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 50)
	if err != nil {
		return nil, fmt.Errorf("fcntl(%d, F_DUPFD_CLOEXEC): %w", fd, err)
	}
	return os.NewFile(uintptr(own), "/proc/self/exe"), nil
}
