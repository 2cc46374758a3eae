package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A lock is a folder that is open and locked (flock(2)). Two orders keep it from ever being
// waited for in a circle: the root is locked before a container's folder, and who holds a
// folder alone asks for no other lock.
type lock struct{ dir *os.File }

func (l lock) unlock() { l.dir.Close() } // the lock goes with its open file description

// flock waits until the folder is ours alone.
func flock(path string) (lock, error) {
	l, _, err := lockFolder(path, unix.LOCK_EX)
	return l, err
}

// tryFlock does not wait: ok is false if somebody else has it.
func tryFlock(path string) (l lock, ok bool, err error) {
	return lockFolder(path, unix.LOCK_EX|unix.LOCK_NB)
}

func lockFolder(path string, how int) (lock, bool, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return lock{}, false, err
	}
	for {
		err = unix.Flock(int(dir.Fd()), how)
		if !errors.Is(err, unix.EINTR) { // Go's own signals interrupt a wait
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		dir.Close()
		return lock{}, false, nil
	}
	if err != nil {
		dir.Close()
		return lock{}, false, fmt.Errorf("flock(%q): %w", path, err)
	}
	return lock{dir}, true, nil
}
