package grade

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A world is what the checks see of the kernel: the file systems at /proc, /sys and /dev. The
// mydocker under test is root beside them. One that mounts something there, by mistake or
// not, would show them a kernel of its own making.
type world struct {
	table int // mountinfo, open: the kernel's own, whatever is mounted over /proc later
	was   []string

	mu      sync.Mutex
	strange []string
}

// watchWorld remembers the mounts and looks again each time that the kernel says that some
// have changed, so that what is there for a moment only is seen, too.
func watchWorld() (*world, error) {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open(/proc/self/mountinfo): %w", err)
	}
	w := &world{table: fd}
	text, err := w.read()
	if err != nil {
		return nil, err
	}
	w.was = eyes(text)
	go func() {
		for {
			// proc_pid_mountinfo(5): poll(2) reports a change as POLLPRI and POLLERR.
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}, -1); err != nil && err != unix.EINTR {
				return
			}
			w.changed()
		}
	}()
	return w, nil
}

// changed names what has come over /proc, /sys or /dev since the beginning, or gone from there.
func (w *world) changed() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := w.read()
	if err != nil {
		w.strange = append(w.strange, err.Error())
	}
	for _, m := range append(without(eyes(text), w.was), without(w.was, eyes(text))...) {
		if !slices.Contains(w.strange, m) {
			w.strange = append(w.strange, m)
		}
	}
	return strings.Join(w.strange, ", ")
}

func (w *world) read() (string, error) {
	var text []byte
	for chunk := make([]byte, 64<<10); ; {
		n, err := unix.Pread(w.table, chunk, int64(len(text)))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return "", os.NewSyscallError("pread(/proc/self/mountinfo)", err)
		}
		if n == 0 {
			return string(text), nil
		}
		text = append(text, chunk[:n]...)
	}
}

// eyes are the mounts of a mountinfo by which the kernel is seen: "point (number of the mount)".
func eyes(mountinfo string) (found []string) {
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		for _, top := range []string{"/proc", "/sys", "/dev"} {
			if f[4] == top || strings.HasPrefix(f[4], top+"/") {
				found = append(found, f[4]+" ("+f[0]+")")
			}
		}
	}
	return found
}

func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
}
