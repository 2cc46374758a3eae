package console

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// IsTerminal tells a terminal from anything else.
func IsTerminal(f *os.File) bool {
	_, err := termios(f)
	return err == nil
}

// Raw makes a person's terminal hand on every key as it is (cfmakeraw, termios(3)): what
// Ctrl-C means is for the container's terminal to say. restore puts it back, once, and may
// be called from a defer, a signal's goroutine and before an os.Exit alike. Nothing but a
// SIGKILL should end the process without it.
func Raw(tty *os.File) (restore func(), err error) {
	before, err := termios(tty)
	if err != nil {
		return nil, err
	}
	raw := *before
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := setTermios(tty, &raw); err != nil {
		return nil, err
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			// In the background by now, the change would stop us (SIGTTOU, tcsetattr(3)).
			signal.Ignore(syscall.SIGTTOU)
			defer signal.Reset(syscall.SIGTTOU)
			setTermios(tty, before)
		})
	}, nil
}

// SetSize gives a terminal a size; whoever is in its foreground hears of it (SIGWINCH).
func SetSize(tty *os.File, size unix.Winsize) error {
	return control(tty, func(fd int) error {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size); err != nil {
			return fmt.Errorf("ioctl(%s, TIOCSWINSZ): %w", tty.Name(), err)
		}
		return nil
	})
}

// Size is a terminal's size.
func Size(tty *os.File) (size unix.Winsize, err error) {
	err = control(tty, func(fd int) error {
		s, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err != nil {
			return fmt.Errorf("ioctl(%s, TIOCGWINSZ): %w", tty.Name(), err)
		}
		size = *s
		return nil
	})
	return size, err
}

// Follow keeps the size of a container's terminal that of the person's, until stop.
func Follow(person, master *os.File) (stop func()) {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH) // before the first look, so that none is missed
	copySize := func() {
		if size, err := Size(person); err == nil {
			SetSize(master, size)
		}
	}
	copySize()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-changes:
				copySize()
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { signal.Stop(changes); close(done) })
}

func termios(tty *os.File) (t *unix.Termios, err error) {
	err = control(tty, func(fd int) (err error) {
		if t, err = unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			err = fmt.Errorf("ioctl(%s, TCGETS): %w", tty.Name(), err)
		}
		return err
	})
	return t, err
}

func setTermios(tty *os.File, t *unix.Termios) error {
	return control(tty, func(fd int) error {
		for {
			err := unix.IoctlSetTermios(fd, unix.TCSETS, t)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				err = fmt.Errorf("ioctl(%s, TCSETS): %w", tty.Name(), err)
			}
			return err
		}
	})
}

// control uses a descriptor and leaves it what it is: File.Fd would make it a blocking one.
func control(f *os.File, use func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = use(int(fd)) }); err != nil {
		return err
	}
	return result
}
