package image

import (
	"fmt"
	"io"
	"io/fs"
	"path"
)

// A cpioWriter writes the format that the kernel unpacks as its initramfs: "newc"
// (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
// Everything belongs to root and is as old as the epoch, so that the same files make
// the same bytes.
type cpioWriter struct {
	w    io.Writer
	ino  int
	dirs map[string]bool
	err  error
}

func newCpio(w io.Writer) *cpioWriter {
	return &cpioWriter{w: w, dirs: map[string]bool{".": true, "/": true}}
}

// file writes a regular file, and the folders above it.
func (c *cpioWriter) file(name string, mode fs.FileMode, data []byte) {
	c.mkdirAll(path.Dir(name))
	c.entry(name, 0o100000|uint32(mode.Perm()), data)
}

func (c *cpioWriter) mkdirAll(dir string) {
	if c.dirs[dir] {
		return
	}
	c.dirs[dir] = true
	c.mkdirAll(path.Dir(dir))
	c.entry(dir, 0o040755, nil)
}

// close writes the end mark and returns the first error of all writes. The archive's
// length is a multiple of four, so that another one can follow it.
func (c *cpioWriter) close() error {
	c.ino = -1
	c.entry("TRAILER!!!", 0, nil)
	return c.err
}

func (c *cpioWriter) entry(name string, mode uint32, data []byte) {
	c.ino++
	links := 1
	if mode&0o040000 != 0 {
		links = 2
	}
	c.printf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		c.ino, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	const header = 110
	c.pad(header + len(name) + 1)
	if c.err == nil {
		_, c.err = c.w.Write(data)
	}
	c.pad(len(data))
}

func (c *cpioWriter) pad(n int) {
	c.printf("%s", "\x00\x00\x00"[:(4-n%4)%4])
}

func (c *cpioWriter) printf(format string, args ...any) {
	if c.err == nil {
		_, c.err = fmt.Fprintf(c.w, format, args...)
	}
}
