package bundle

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"

	_ "embed"
)

//go:embed unpack.sh
var unpackScript []byte

// A Source is a file for a bundle: under this name, from this place.
type Source struct {
	Name, Path string
}

// Sources are the folders and files that a bundle is made of.
type Sources struct {
	History  string // a file of git-bundle(1); "" = none
	Course   string // a tar archive
	Modules  string // the folder that the module files lie in
	Names    []string
	Image    [3]string // kernel, initrd, rootfs.squashfs
	Emulator string    // a folder; "" = none
}

// list is what Pack packs, in its order.
func (s Sources) list() (list []Source, err error) {
	if s.History != "" {
		list = append(list, Source{historyName, s.History})
	}
	list = append(list, Source{courseName, s.Course})
	for _, name := range s.Names {
		list = append(list, Source{modulesFolder + name, filepath.Join(s.Modules, filepath.FromSlash(name))})
	}
	for i, name := range []string{"kernel", "initrd", "rootfs.squashfs"} {
		list = append(list, Source{labFolder + name, s.Image[i]})
	}
	if s.Emulator == "" {
		return list, nil
	}
	err = filepath.WalkDir(s.Emulator, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.Emulator, path)
		list = append(list, Source{qemuFolder + filepath.ToSlash(rel), path})
		return err
	})
	return list, err
}

// Pack writes a bundle. It reads every file twice: the manifest with the checksums comes
// first, so that a reader can refuse what is not in it. Equal sources make equal bundles;
// when is the time that its files have. progress hears how much is done.
func Pack(ctx context.Context, w io.Writer, m Manifest, s Sources, when time.Time, progress func(done, of int64)) (Manifest, error) {
	list, err := s.list()
	if err != nil {
		return m, err
	}
	m.Format = format
	sum := sha256.Sum256(unpackScript)
	m.Files = []File{{Name: unpackName, Size: int64(len(unpackScript)), SHA256: hex.EncodeToString(sum[:]), Exec: true}}
	for _, src := range list {
		f, err := describe(ctx, src)
		if err == nil {
			err = f.check()
		}
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return m, err
	}
	packed, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
	if err != nil {
		return m, err
	}
	p := &packer{ctx: ctx, out: tar.NewWriter(packed), when: when, done: m.Files[0].Size, of: m.Bytes(), progress: progress}
	err = errors.Join(
		p.bytes(File{Name: manifestName, Size: int64(len(data))}, data),
		p.bytes(m.Files[0], unpackScript))
	for i, src := range list {
		if err == nil {
			err = p.file(m.Files[i+1], src.Path)
		}
	}
	if err == nil {
		err = errors.Join(p.out.Close(), packed.Close())
	}
	return m, err
}

// describe is the manifest's line for a file.
func describe(ctx context.Context, src Source) (File, error) {
	f := File{Name: src.Name}
	info, err := os.Lstat(src.Path)
	switch {
	case err != nil:
		return f, err
	case info.Mode()&fs.ModeSymlink != 0:
		f.Link, err = os.Readlink(src.Path)
		return f, err
	case !info.Mode().IsRegular():
		return f, fmt.Errorf("%s is neither a file nor a link", src.Path)
	}
	in, err := os.Open(src.Path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	sum := sha256.New()
	f.Size, err = io.Copy(sum, &reader{ctx, in, nil})
	f.SHA256, f.Exec = hex.EncodeToString(sum.Sum(nil)), info.Mode()&0o100 != 0
	return f, err
}

type packer struct {
	ctx      context.Context
	out      *tar.Writer
	when     time.Time
	done, of int64
	progress func(done, of int64)
}

func (p *packer) header(f File) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: 0o644, ModTime: p.when}
	if f.Exec {
		h.Mode = 0o755
	}
	if f.Link != "" {
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
	}
	return p.out.WriteHeader(h)
}

func (p *packer) bytes(f File, data []byte) error {
	if err := p.header(f); err != nil {
		return err
	}
	_, err := p.out.Write(data)
	return err
}

func (p *packer) file(f File, path string) error {
	if err := p.header(f); err != nil || f.Link != "" {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(p.out, sum), &reader{p.ctx, in, p.add})
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		err = fmt.Errorf("%s changed while it was packed", path)
	}
	return err
}

func (p *packer) add(n int) {
	p.done += int64(n)
	if p.progress != nil {
		p.progress(p.done, p.of)
	}
}

// A reader ends when its context does, and says how much it has read.
type reader struct {
	ctx  context.Context
	from io.Reader
	add  func(n int)
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.from.Read(b)
	if r.add != nil {
		r.add(n)
	}
	return n, err
}
