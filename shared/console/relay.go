package console

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Relay carries what a person types to a container's terminal, and what that shows back.
type Relay struct {
	master *os.File
	out    io.Writer
	wake   *os.File      // written to: the input ends
	typing chan struct{} // closed when nothing is carried inwards any more
	shown  chan error    // what ended the way outwards; nil: its end was reached
}

// NewRelay starts to carry. in may be nil: then nothing is typed. Nothing is read from in
// that is not handed on, and nothing is read ahead once Finish is called: what a person
// types after that is for the shell they came from.
func NewRelay(master, in *os.File, out io.Writer) (*Relay, error) {
	r := &Relay{master: master, out: out, typing: make(chan struct{}), shown: make(chan error, 1)}
	asleep, wake, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r.wake = wake
	go func() {
		defer close(r.typing)
		defer asleep.Close()
		if in != nil {
			r.carryIn(in, asleep)
		}
	}()
	go func() {
		_, err := io.Copy(plain{r.out}, r.master)
		if errors.Is(err, unix.EIO) { // nobody has the slave open any more: a terminal's end of file
			err = nil
		}
		r.shown <- err
	}()
	return r, nil
}

// plain keeps io.Copy to read(2) and write(2), whatever else the writer knows.
type plain struct{ io.Writer }

// Finish is for when the command has ended: it stops what goes in, shows what is still on
// its way out, and returns. A process in the background that has the terminal open does not
// hold it up.
func (r *Relay) Finish() error {
	r.wake.Close()
	// It ends a Read and a Write that wait.
	if err := r.master.SetDeadline(time.Now()); err != nil {
		return err
	}
	<-r.typing
	err := <-r.shown
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return r.drain()
}

// drain shows what the terminal has, without waiting for more: read(2) of a master first
// fetches all that has been written to the slave by then.
func (r *Relay) drain() error {
	buffer := make([]byte, 32<<10)
	// A limit, for there may be one who goes on writing.
	for range 32 {
		n := 0
		err := control(r.master, func(fd int) (err error) {
			for err = unix.EINTR; errors.Is(err, unix.EINTR); {
				n, err = unix.Read(fd, buffer)
			}
			return err
		})
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EIO) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := r.out.Write(buffer[:n]); err != nil {
			return err
		}
	}
	return nil
}

// carryIn hands on what is typed, and the end of it as the key that means it.
func (r *Relay) carryIn(in, asleep *os.File) {
	buffer := make([]byte, 4<<10)
	open := false // a line that has not been ended
	for {
		n, err := readOr(in, asleep, buffer)
		if n > 0 {
			open = buffer[n-1] != '\n'
			if _, err := r.master.Write(buffer[:n]); err != nil {
				return
			}
		}
		if errors.Is(err, io.EOF) {
			if t, err := termios(r.master); err == nil && t.Lflag&unix.ICANON != 0 {
				keys := []byte{t.Cc[unix.VEOF]}
				// In the middle of a line it only hands that on (termios(3)).
				if open {
					keys = append(keys, keys[0])
				}
				r.master.Write(keys)
			}
		}
		if err != nil {
			return
		}
	}
}

var errStopped = errors.New("console: stopped")

// readOr reads, unless the other is ready first. poll(2), and not Go's poller: in is the
// caller's terminal, shared with others, and stays a blocking one.
func readOr(in, asleep *os.File, buffer []byte) (n int, err error) {
	ctlErr := control(in, func(fd int) error {
		return control(asleep, func(stop int) error {
			for {
				polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
				if _, err := unix.Poll(polled, -1); err != nil && !errors.Is(err, unix.EINTR) {
					return err
				}
				if polled[1].Revents != 0 {
					return errStopped
				}
				if polled[0].Revents == 0 {
					continue
				}
				n, err = unix.Read(fd, buffer)
				switch {
				case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
					continue
				case err == nil && n == 0, errors.Is(err, unix.EIO): // a terminal that has hung up
					return io.EOF
				}
				return err
			}
		})
	})
	return max(n, 0), ctlErr
}
