package screen

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/internal/procs"
)

// grace is what a command has for its clean-up after SIGHUP.
const grace = 3 * time.Second

// close ends the server and waits for all that ran in it. Who they are must be asked before:
// once the server has ended they are nobody's.
func (srv *server) close() error {
	all, _ := procs.All("/proc") // none where there is no procfs
	family := procs.Descendants(all, srv.cmd.Process.Pid)
	srv.cmd.Process.Signal(unix.SIGTERM)
	srv.cmd.Wait() // its exit code says nothing
	return errors.Join(outlived(family), os.RemoveAll(srv.dir))
}

// outlived waits for processes that are not our children, and kills those that do not end.
func outlived(family []procs.Process) error {
	p := patience{limit: grace, begun: time.Now()}
	for {
		left := alive(family)
		if len(left) == 0 {
			return nil
		}
		if p.over() {
			for _, one := range left {
				unix.Kill(one.PID, unix.SIGKILL)
			}
			return fmt.Errorf("still there %v after the terminal was closed, and killed now: %v", p.waited(), left)
		}
		time.Sleep(lookEvery)
	}
}

// alive are those of a family that have not ended. A PID that has gone to another meanwhile
// has another name, too.
func alive(family []procs.Process) (left []procs.Process) {
	all, _ := procs.All("/proc")
	for _, p := range family {
		if slices.ContainsFunc(all, func(q procs.Process) bool { return q.PID == p.PID && q.Name == p.Name }) {
			left = append(left, p)
		}
	}
	return left
}
