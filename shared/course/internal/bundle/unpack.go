package bundle

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/klauspost/compress/gzip"

	"mydocker.example/shared/course/internal/say"
)

// mostManifest is more than any manifest of ours has.
const mostManifest = 16 << 20

// A Bundle is one that is being read, from its beginning to its end.
type Bundle struct {
	Manifest
	Sum     string // of the manifest, and so of all that it names
	ctx     context.Context
	packed  *gzip.Reader
	archive *tar.Reader
}

// Open reads the manifest, which comes first. Nothing that it says is true yet.
func Open(ctx context.Context, from io.Reader) (*Bundle, error) {
	packed, err := gzip.NewReader(bufio.NewReaderSize(&reader{ctx, from, nil}, 1<<20))
	if err != nil {
		return nil, notOurs(ctx, err)
	}
	b := &Bundle{ctx: ctx, packed: packed, archive: tar.NewReader(packed)}
	h, err := b.archive.Next()
	if err == nil && (h.Name != manifestName || h.Typeflag != tar.TypeReg) {
		err = fmt.Errorf("%q", h.Name)
	}
	if err != nil {
		return nil, notOurs(ctx, err)
	}
	if h.Size > mostManifest {
		return nil, fmt.Errorf("%s: %d bytes", manifestName, h.Size)
	}
	data, err := io.ReadAll(b.archive)
	if err != nil {
		return nil, damaged(ctx, err)
	}
	sum := sha256.Sum256(data)
	b.Sum = hex.EncodeToString(sum[:])
	b.Manifest, err = parse(data)
	return b, err
}

func notOurs(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf(say.T("it is no bundle of the course (%w); make bundle makes one", "это не архив курса (%w); его собирает make bundle"), err)
}

func damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w (%w)", errCutOff, err)
}

// Extract reads the rest. Files below modules/ and lab/ go into the folder, the others are
// only held against their checksums. When it returns without an error every file that the
// manifest names was there, whole, and no other.
//
// The archive is not trusted: a name that is not in the manifest is refused, and none can
// lead out of the folder (os.Root).
func (b *Bundle) Extract(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	pending := map[string]File{}
	for _, f := range b.Files {
		pending[f.Name] = f
	}
	if len(pending) != len(b.Files) {
		return errors.New(say.T("its manifest names a file twice", "в его описи один файл назван дважды"))
	}
	for {
		h, err := b.archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return damaged(b.ctx, err)
		}
		f, ok := pending[h.Name]
		if !ok {
			return fmt.Errorf(say.T("it has a file %q, which its manifest does not name", "в нём файл %q, которого нет в его описи"), h.Name)
		}
		delete(pending, h.Name)
		if err := b.one(root, f, h); err != nil {
			return err
		}
	}
	for name := range pending {
		return fmt.Errorf("%w (%s)", errCutOff, name)
	}
	// The checksum of gzip stands at the very end.
	if _, err := io.Copy(io.Discard, b.packed); err != nil {
		return damaged(b.ctx, err)
	}
	return nil
}

// one takes a file out of the archive.
func (b *Bundle) one(root *os.Root, f File, h *tar.Header) error {
	kept := path.Dir(f.Name) != "."
	if kept {
		if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
			return err
		}
	}
	switch {
	case f.Link != "" && h.Typeflag == tar.TypeSymlink && h.Linkname == f.Link:
		return root.Symlink(f.Link, f.Name)
	case f.Link != "" || h.Typeflag != tar.TypeReg || h.Size != f.Size:
		return fmt.Errorf(say.T("%s is not what its manifest says", "%s — не то, что сказано в его описи"), f.Name)
	}
	out := io.WriteCloser(discard{})
	if kept {
		mode := fs.FileMode(0o644)
		if f.Exec {
			mode = 0o755
		}
		file, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		out = file
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, out), b.archive)
	var full *fs.PathError
	switch err2 := out.Close(); {
	case errors.As(err, &full): // it is the disk that failed, not the bundle
		return err
	case err != nil:
		return damaged(b.ctx, err)
	case err2 != nil:
		return err2
	case n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return fmt.Errorf(say.T("%w: the checksum of %s is another", "%w: у %s другая контрольная сумма"), errCutOff, f.Name)
	}
	return nil
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }
