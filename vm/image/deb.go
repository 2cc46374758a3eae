package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// walkDeb calls do for every entry of the data archive in a .deb (deb(5)): an ar archive
// whose member data.tar.* holds the files.
func walkDeb(path string, do func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	name, data, err := debData(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	plain, err := decompress(data)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", path, name, err)
	}
	archive := tar.NewReader(plain)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", path, name, err)
		}
		if err := do(h, archive); err != nil {
			return err
		}
	}
}

const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
)

// debData leaves r at the data archive of a .deb and returns the member's name and bytes.
func debData(r io.Reader) (string, io.Reader, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return "", nil, errors.New("no ar archive")
	}
	header := make([]byte, arHeaderSize)
	for {
		if _, err := io.ReadFull(r, header); err != nil {
			return "", nil, errors.New("no data archive in it")
		}
		name := strings.TrimRight(string(header[:16]), " /")
		size, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil {
			return "", nil, fmt.Errorf("ar member %q: %w", name, err)
		}
		if strings.HasPrefix(name, "data.tar") {
			return name, io.LimitReader(r, size), nil
		}
		// Members begin at even offsets (ar(5)).
		if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
			return "", nil, fmt.Errorf("ar member %q: %w", name, err)
		}
	}
}

// decompress looks at the first bytes, not at a name: xz, zstd and gzip are what packages,
// modules and kernels come in. What is none of them is passed through as it is.
func decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return xz.NewReader(b)
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		// Kernels are packed with windows of up to 128 MB.
		d, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(1<<28))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return gzip.NewReader(b)
	}
	return b, nil
}
