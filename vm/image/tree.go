package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// A tree is a file system in memory, put together from packages and files of our own.
type tree map[string]*node

// A node is one file. Its header's name has no slash at its beginning or end.
type node struct {
	tar.Header
	data []byte
}

// mergedUsr is where usrmerge has put the folders that once stood in the root.
// Packages may still use the old names.
var mergedUsr = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// canonical is the one name that a file has in the tree: relative, clean, below usr/.
func canonical(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	top, _, _ := strings.Cut(name, "/")
	if slices.Contains(mergedUsr, top) {
		return "usr/" + name
	}
	return name
}

// addDeb merges the files of a package for which keep is true.
func (t tree) addDeb(ctx context.Context, file string, keep func(name string) bool) error {
	return walkDeb(ctx, file, func(h *tar.Header, r io.Reader) error { return t.add(h, r, keep) })
}

// add merges one entry of an archive.
func (t tree) add(h *tar.Header, r io.Reader, keep func(name string) bool) error {
	name := canonical(h.Name)
	if name == "" || !keep(name) {
		return nil
	}
	n := &node{Header: *h}
	n.Name = name
	switch h.Typeflag {
	case tar.TypeReg:
		var err error
		if n.data, err = io.ReadAll(r); err != nil {
			return err
		}
	case tar.TypeLink:
		n.Linkname = canonical(h.Linkname)
	case tar.TypeDir:
		if old := t[name]; old != nil && old.Typeflag == tar.TypeDir {
			return nil
		}
	case tar.TypeSymlink:
		if slices.Contains(mergedUsr, path.Clean(h.Name)) {
			return nil // a package that does usrmerge itself: so does merge
		}
	default:
		return nil // devices are made by the guest's devtmpfs
	}
	t[name] = n
	return nil
}

func (t tree) put(name string, mode int64, data []byte) {
	t[name] = &node{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, data}
}

func (t tree) dir(name string, mode int64) {
	t[name] = &node{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, nil}
}

func (t tree) link(name, target string) {
	t[name] = &node{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil}
}

func (t tree) has(name string) bool { return t[name] != nil }

// merge adds the links of usrmerge, and the folders that no one has named.
func (t tree) merge() {
	for name := range t {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if !t.has(dir) {
				t.dir(dir, 0o755)
			}
		}
	}
	for _, top := range mergedUsr {
		if t.has("usr/" + top) {
			t.link(top, "usr/"+top)
		}
	}
}

// addModules puts the modules into the tree, with what depmod says about them.
func (t tree) addModules(release string, list []*module, indexes map[string][]byte) {
	base := "usr/lib/modules/" + release + "/"
	for _, m := range list {
		t.put(base+m.Path, 0o644, m.Data)
	}
	for name, data := range indexes {
		t.put(base+path.Base(name), 0o644, data)
	}
	t.merge()
}

// write puts the tree into one archive: folders before what is in them, hard links last,
// when what they link to is there; everything as old as the epoch.
func (t tree) write(w io.Writer) error {
	out := tar.NewWriter(w)
	var nodes []*node
	for _, n := range t {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int {
		if a.Typeflag != b.Typeflag && (a.Typeflag == tar.TypeLink || b.Typeflag == tar.TypeLink) {
			return map[bool]int{true: 1, false: -1}[a.Typeflag == tar.TypeLink]
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, n := range nodes {
		if n.Typeflag == tar.TypeLink && !t.has(n.Linkname) {
			return fmt.Errorf("%s is a hard link to %s, which was left out", n.Name, n.Linkname)
		}
		h := tar.Header{
			Typeflag: n.Typeflag, Name: n.Name, Linkname: n.Linkname, Mode: n.Mode, Uid: n.Uid, Gid: n.Gid,
			Size: int64(len(n.data)), PAXRecords: n.PAXRecords, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
		}
		if err := out.WriteHeader(&h); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
		if _, err := io.Copy(out, bytes.NewReader(n.data)); err != nil {
			return err
		}
	}
	return out.Close()
}
