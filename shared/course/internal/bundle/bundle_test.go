package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is a bundle with one file of each kind.
func small(t *testing.T) (Manifest, []byte) {
	t.Setenv("COURSE_LANG", "en")
	dir := t.TempDir()
	write := func(name string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("this is "+name), mode))
		return path
	}
	s := Sources{
		Course: write("course.tar", 0o644), Modules: filepath.Join(dir, "mod"), Names: []string{"example.com/!a/@v/v1.0.0.zip"},
		Image: [3]string{write("k", 0o644), write("i", 0o644), write("r", 0o644)}, Emulator: filepath.Join(dir, "qemu"),
	}
	write("mod/example.com/!a/@v/v1.0.0.zip", 0o444)
	write("qemu/lib/libc.so.1.2", 0o644)
	write("qemu/bin/qemu", 0o755)
	require.NoError(t, os.Symlink("libc.so.1.2", filepath.Join(dir, "qemu/lib/libc.so")))
	require.NoError(t, os.Symlink("../lib/libc.so", filepath.Join(dir, "qemu/bin/libc.so")))
	var out bytes.Buffer
	m, err := Pack(context.Background(), &out, Manifest{Course: "today", Arch: runtime.GOARCH, Lab: "key"}, s, time.Unix(1e9, 0), nil)
	require.NoError(t, err)
	var again bytes.Buffer
	_, err = Pack(context.Background(), &again, Manifest{Course: "today", Arch: runtime.GOARCH, Lab: "key"}, s, time.Unix(1e9, 0), nil)
	require.NoError(t, err)
	assert.Equal(t, out.Bytes(), again.Bytes(), "equal sources make equal bundles")
	return m, out.Bytes()
}

func unpack(t *testing.T, data []byte) (dir string, err error) {
	dir = t.TempDir()
	b, err := Open(context.Background(), bytes.NewReader(data))
	if err == nil {
		err = b.Extract(dir)
	}
	return dir, err
}

func TestThereAndBack(t *testing.T) {
	m, data := small(t)
	dir, err := unpack(t, data)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"lab/kernel": "this is k", "lab/initrd": "this is i", "lab/rootfs.squashfs": "this is r",
		"lab/qemu/bin/libc.so": "this is qemu/lib/libc.so.1.2", "modules/example.com/!a/@v/v1.0.0.zip": "this is mod/example.com/!a/@v/v1.0.0.zip",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	info, err := os.Stat(filepath.Join(dir, "lab/qemu/bin/qemu"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o755), info.Mode().Perm())
	assert.NoFileExists(t, filepath.Join(dir, "course.tar"), "that is for the script")
	assert.NoError(t, m.Fits("key", "f"))
	assert.ErrorContains(t, m.Fits("another", "f"), "another version of the course")
	m.Arch = "riscv64"
	assert.ErrorContains(t, m.Fits("key", "f"), "it is for riscv64")
}

// A copy that was cut off anywhere, or in which a bit has changed, is refused.
func TestDamaged(t *testing.T) {
	_, data := small(t)
	for n := 0; n < len(data); n += 31 {
		_, err := unpack(t, data[:n])
		assert.Error(t, err, "cut off at %d", n)
		flipped := bytes.Clone(data)
		flipped[n] ^= 0x10
		if _, err := unpack(t, flipped); err == nil {
			// Some bits mean nothing, and some stand for the same: what was packed is unchanged.
			assert.Equal(t, plain(t, data), plain(t, flipped), "flipped at %d", n)
		}
	}
}

func plain(t *testing.T, data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	return out
}

// An entry is one of an archive that nobody's Pack has written.
type entry struct {
	name, text, link string
}

// forge packs a manifest of files, and entries that may be others.
func forge(t *testing.T, files []File, entries ...entry) []byte {
	t.Setenv("COURSE_LANG", "en")
	data, err := json.Marshal(Manifest{Format: format, Course: "forged", Arch: runtime.GOARCH, Files: files})
	require.NoError(t, err)
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	archive := tar.NewWriter(packed)
	for _, e := range append([]entry{{name: manifestName, text: string(data)}}, entries...) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.text)), Mode: 0o644}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		require.NoError(t, archive.WriteHeader(h))
		_, err := archive.Write([]byte(e.text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, packed.Close())
	return out.Bytes()
}

func named(name, text string) File {
	sum := sha256.Sum256([]byte(text))
	return File{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

func TestHostile(t *testing.T) {
	kernel := named("lab/kernel", "k")
	for what, c := range map[string]struct {
		files   []File
		entries []entry
		says    string
	}{
		"a path upwards":                {[]File{named("lab/../../evil", "x")}, []entry{{name: "lab/../../evil", text: "x"}}, "not for a bundle"},
		"an absolute path":              {[]File{named("/etc/passwd", "x")}, []entry{{name: "/etc/passwd", text: "x"}}, "not for a bundle"},
		"a folder of nobody":            {[]File{named("bin/sh", "x")}, []entry{{name: "bin/sh", text: "x"}}, "not for a bundle"},
		"a name the manifest lacks":     {nil, []entry{{name: "lab/kernel", text: "k"}}, "does not name"},
		"another content":               {[]File{kernel}, []entry{{name: "lab/kernel", text: "K"}}, "the checksum of lab/kernel is another"},
		"more content":                  {[]File{kernel}, []entry{{name: "lab/kernel", text: "kk"}}, "not what its manifest says"},
		"a file twice":                  {[]File{kernel}, []entry{{name: "lab/kernel", text: "k"}, {name: "lab/kernel", text: "k"}}, "does not name"},
		"a file twice in the manifest":  {[]File{kernel, kernel}, nil, "twice"},
		"a file missing":                {[]File{kernel, named("lab/initrd", "i")}, []entry{{name: "lab/kernel", text: "k"}}, "lab/initrd"},
		"a link for a file":             {[]File{kernel}, []entry{{name: "lab/kernel", link: "/etc/passwd"}}, "not what its manifest says"},
		"a link to another place":       {[]File{{Name: "lab/qemu/a", Link: "b"}}, []entry{{name: "lab/qemu/a", link: "/etc"}}, "not what its manifest says"},
		"a link out of it":              {[]File{{Name: "lab/qemu/a", Link: "../../../etc"}}, []entry{{name: "lab/qemu/a", link: "../../../etc"}}, "leads out"},
		"an absolute link":              {[]File{{Name: "lab/qemu/a", Link: "/etc"}}, nil, "leads out"},
		"a link where no emulator is":   {[]File{{Name: "lab/kernel", Link: "initrd"}}, nil, "leads out"},
		"a size below nothing":          {[]File{{Name: "lab/kernel", Size: -1}}, nil, "-1"},
		"a size of a disk":              {[]File{{Name: "lab/kernel", Size: 1 << 60}}, nil, "bytes"},
		"a name for the terminal":       {[]File{named("lab/\x1b[2J", "x")}, nil, "not for a bundle"},
		"a link, and a file through it": {[]File{{Name: "lab/qemu/a", Link: "b"}, named("lab/qemu/a/c", "x")}, []entry{{name: "lab/qemu/a", link: "b"}, {name: "lab/qemu/a/c", text: "x"}}, ""},
	} {
		dir, err := unpack(t, forge(t, c.files, c.entries...))
		assert.ErrorContains(t, err, c.says, what)
		for _, evil := range []string{"../evil", "../../evil"} {
			assert.NoFileExists(t, filepath.Join(dir, evil), what)
		}
	}
	_, err := unpack(t, []byte("this is no archive"))
	assert.ErrorContains(t, err, "no bundle of the course")
	_, err = unpack(t, nil)
	assert.ErrorContains(t, err, "no bundle of the course")
}

func TestInterrupted(t *testing.T) {
	_, data := small(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Open(ctx, bytes.NewReader(data))
	assert.ErrorIs(t, err, context.Canceled)
}

// The script says what is wrong before it changes anything.
func TestScript(t *testing.T) {
	_, data := small(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "unpack"), unpackScript, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "whole"), forge(t, nil), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "half"), data[:len(data)/2], 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "mine"), 0o755))
	for _, c := range []struct {
		args, en, ru string
	}{
		{"", "which one?", "какой архив?"},
		{"nothing", "there is no file nothing", "нет файла nothing"},
		{"half", "cut off or damaged", "обрезан или повреждён"},
		{"whole", "is no bundle of the course", "не архив курса"},
	} {
		for lang, want := range map[string]string{"en_GB.UTF-8": c.en, "ru_RU.UTF-8": c.ru} {
			cmd := exec.Command("sh", append([]string{"unpack"}, strings.Fields(c.args)...)...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "COURSE_LANG="+lang, "TMPDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			assert.Error(t, err)
			assert.Contains(t, string(out), want)
		}
	}
	assert.NoDirExists(t, filepath.Join(dir, "mydocker-course"))
}
