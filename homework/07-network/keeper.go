package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/store"
)

// Each container has a keeper: the mydocker that has started it and waits for it. The
// keeper holds a lock on a file in the container's folder (fcntl(2), F_SETLK), and the
// kernel tells who asks which process that is. So a keeper is found without a record, and
// a lock is never stale: it goes with the process, however that ends. What is in the file is
// the keeper's last word, the exit code, for those who wait.

func lockFile(s store.Store, id string) string { return filepath.Join(s.Dir(id), "lock") }

// hold makes this process the keeper of a container, for the rest of its life. say writes
// the last word.
func hold(s store.Store, id string) (say func(code int) error, err error) {
	// Never closed: the first close(2) of any descriptor of this file gives the lock up.
	fd, err := unix.Open(lockFile(s, id), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open(%q): %w", lockFile(s, id), err)
	}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return nil, fmt.Errorf("fcntl(%q, F_SETLK): %w", lockFile(s, id), err)
	}
	return func(code int) error {
		_, err := unix.Pwrite(fd, []byte(strconv.Itoa(code)), 0)
		return err
	}, nil
}

// keeper returns a descriptor of the keeper's process, which means that process and no
// later one of the same PID (pidfd_open(2)); -1 if there is no keeper.
func keeper(s store.Store, id string) (pidfd int, err error) {
	file, err := unix.Open(lockFile(s, id), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("open(%q): %w", lockFile(s, id), err)
	}
	defer unix.Close(file)
	holder := func() (int, error) {
		lock := unix.Flock_t{Type: unix.F_WRLCK}
		if err := unix.FcntlFlock(uintptr(file), unix.F_GETLK, &lock); err != nil {
			return 0, fmt.Errorf("fcntl(%q, F_GETLK): %w", lockFile(s, id), err)
		}
		if lock.Type == unix.F_UNLCK {
			return 0, nil
		}
		return int(lock.Pid), nil
	}
	pid, err := holder()
	if pid == 0 || err != nil {
		return -1, err
	}
	pidfd, err = unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd_open(%d): %w", pid, err)
	}
	// Asked again: if it still holds the lock, the descriptor is that of no other process.
	if again, err := holder(); again != pid || err != nil {
		unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// await waits until the process has ended: then, and not before, its pidfd can be read.
// false means that the time was over first; a negative limit is none.
func await(pidfd int, limit time.Duration) (ended bool, err error) {
	end := time.Now().Add(limit)
	for {
		left := -1
		if limit >= 0 {
			left = int(max(0, time.Until(end).Milliseconds()))
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, left)
		if errors.Is(err, unix.EINTR) { // Go's own signals
			continue
		}
		if err != nil {
			return false, fmt.Errorf("poll(pidfd): %w", err)
		}
		return n > 0, nil
	}
}
