package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// fill takes all that is left, in one call, and keeps it.
func fill(path string) {
	var left syscall.Statfs_t
	syscall.Statfs(filepath.Dir(path), &left)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		os.Exit(1)
	}
	if info, err := f.Stat(); err == nil && left.Bavail > 0 {
		syscall.Fallocate(int(f.Fd()), 0, info.Size(), int64(left.Bavail)*left.Bsize)
	}
	f.Close()
}
