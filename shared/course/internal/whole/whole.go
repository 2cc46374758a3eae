// Package whole writes files of which nobody ever sees a half.
package whole

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts a file in place whole or not at all, and makes its folder. A run that is killed
// in the middle leaves a file .new-* there and the old one as it was.
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
