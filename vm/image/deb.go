package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// walkDeb calls do for every file of a package (deb(5)). Where there are packages there is
// dpkg-deb, which unpacks on all processors.
func walkDeb(ctx context.Context, path string, do func(*tar.Header, io.Reader) error) error {
	// Ended early, by an error of ours: dpkg-deb must not wait for a reader.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := command(ctx, "dpkg-deb", "--fsys-tarfile", path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	walkErr := walkTar(out, do)
	if walkErr != nil {
		cancel()
	}
	if err := cmd.Wait(); err != nil && walkErr == nil {
		walkErr = fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if walkErr != nil {
		return fmt.Errorf("%s: %w", path, walkErr)
	}
	return nil
}

// walkTar calls do for every entry, and reads the archive to its end.
func walkTar(r io.Reader, do func(*tar.Header, io.Reader) error) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err != nil {
			return err
		}
		if err := do(h, archive); err != nil {
			return err
		}
	}
}

// decompress looks at the first bytes, not at a name: xz, zstd and gzip are what
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
