package vm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unused is how long an image or a snapshot may lie in the cache without a start before the
// making of a new one removes it: every update of the course leaves some 300 MB behind.
const unused = 14 * 24 * time.Hour

// touch says that a folder of the cache was used now.
func touch(dir string) {
	now := time.Now()
	os.Chtimes(dir, now, now) // a cache that cannot be written to is swept by nobody
}

// sweep removes what was not used for that long. A guest that still runs from a removed file
// keeps it open and does not notice (unlink(2)).
func sweep(lab string, now time.Time) error {
	entries, err := os.ReadDir(lab)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !perishable(e.Name()) || now.Sub(info.ModTime()) < unused {
			continue
		}
		errs = append(errs, os.RemoveAll(filepath.Join(lab, e.Name())))
	}
	return errors.Join(errs...)
}

// perishable is what can be made again from the packages that lie beside it.
func perishable(name string) bool {
	for _, prefix := range []string{"image-", "base-", "snapshot-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
