package leftover

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of every descendant whose parent has ended
// (PR_SET_CHILD_SUBREAPER, prctl(2)), so that none gets out of sight.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
	}
	return nil
}

// orphans are the processes that are our children now. Those that have ended are reaped:
// nobody else waits for them any more.
func orphans() (found []string) {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 || err != nil {
			break
		}
	}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		children, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		for _, pid := range strings.Fields(string(children)) {
			cmdline, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			found = append(found, pid+" "+strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " ")))
		}
	}
	return found
}
