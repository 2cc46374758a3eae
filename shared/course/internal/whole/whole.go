// Package whole writes files of which nobody ever sees a half.
package whole

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
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

// Stream is Write for what is too large for the memory. The file is on the disk when it is
// named, so that a stick may be pulled out; and its mode is not asked for afterwards, which
// the file systems of sticks refuse.
func Stream(path string, write func(io.Writer) error) error {
	tmp := filepath.Join(filepath.Dir(path), ".new-"+strconv.Itoa(os.Getpid())+"-"+filepath.Base(path))
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
