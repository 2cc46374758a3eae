// mutant: task=process-1 diagnosis=init-full
// Whom one cannot look into need not be poor.

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitInit is about process 1 itself, which is ours, and stays: the command must find nothing
// in it that it has not got. It runs on the thread that has limited itself already.
func limitInit(caps CapSet) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_DUMPABLE, 0): %w", err)
	}
	return nil
}
