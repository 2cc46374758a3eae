// Package hold marks folders as being worked in. The mark goes with the process that has made
// it, however that ends, so what is left of one that was killed can be told from what is in use.
package hold

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Dir holds a folder until release. A folder that somebody else holds is an error.
func Dir(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("flock(%q): %w", dir, err)
	}
	return func() { f.Close() }, nil
}
