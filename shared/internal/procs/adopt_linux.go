package procs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Adopt makes orphans below this process its children (PR_SET_CHILD_SUBREAPER(2const)):
// whatever is started and forgotten remains a descendant.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
	}
	return nil
}
