package network

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// lock waits until nobody else holds the file. The kernel lets it go when its holder ends,
// in whatever way (flock(2)). 0600: whoever may open it can keep everybody waiting.
func lock(path string) (unlock func(), err error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", path, err)
	}
	for {
		err = unix.Flock(fd, unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("flock(%q): %w", path, err)
	}
	return func() { unix.Close(fd) }, nil
}
