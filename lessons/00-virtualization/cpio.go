package main

import (
	"bytes"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// An initrd is an archive of files that the kernel unpacks into its first root file system.
// The format is cpio's "newc": before each file a header of hexadecimal numbers and its
// name, all padded to four bytes (the kernel's early-userspace/buffer-format.rst).

// cpio packs programs, a name of the host's for each name in the archive.
func cpio(programs map[string]string) ([]byte, error) {
	var out bytes.Buffer
	entry := func(name string, mode int, data []byte) {
		header := []any{out.Len() + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0}
		out.WriteString("070701") // the magic; then inode, mode, uid, gid, links, time, size …
		for _, number := range header {
			fmt.Fprintf(&out, "%08X", number)
		}
		out.WriteString(name + "\x00")
		out.Write(make([]byte, -out.Len()&3))
		out.Write(data)
		out.Write(make([]byte, -out.Len()&3))
	}
	for name, file := range programs {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if dir := path.Dir(name); dir != "." {
			entry(dir, unix.S_IFDIR|0o755, nil) // the kernel makes no folder by itself
		}
		entry(name, unix.S_IFREG|0o755, data)
	}
	entry("TRAILER!!!", 0, nil) // the end mark
	return out.Bytes(), nil
}

// initrd is the archive as a file that has no name and is gone with the last descriptor
// (memfd_create(2)): nothing to clean up, whoever is killed.
func initrd(programs map[string]string) (*os.File, error) {
	archive, err := cpio(programs)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("initrd", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "initrd")
	_, err = f.Write(archive)
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
