package image

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func everything(string) bool { return true }

func addAll(t *testing.T, files tree, keep func(string) bool, headers ...tar.Header) {
	for _, h := range headers {
		data := ""
		if h.Typeflag == tar.TypeReg {
			data = "contents of " + h.Name
		}
		require.NoError(t, files.add(&h, strings.NewReader(data), keep))
	}
}

func TestTreeMergesPackages(t *testing.T) {
	files := tree{}
	addAll(t, files, kept,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./bin/gunzip", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeLink, Name: "./bin/uncompress", Linkname: "./bin/gunzip", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/newuidmap", Mode: 0o4755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/doc/x/copyright", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "./usr/lib/x86_64-linux-gnu/gconv/UTF-7.so", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin"},
	)
	files.put("etc/passwd", 0o644, []byte("root"))
	files.merge()

	var one, two bytes.Buffer
	require.NoError(t, files.write(&one))
	require.NoError(t, files.write(&two))
	assert.Equal(t, one.Bytes(), two.Bytes(), "the same tree is the same bytes")

	var names []string
	modes := map[string]int64{}
	links := map[string]string{}
	require.NoError(t, walkTar(&one, func(h *tar.Header, r io.Reader) error {
		names = append(names, h.Name)
		modes[h.Name], links[h.Name] = h.Mode, h.Linkname
		assert.Zero(t, h.ModTime.Unix())
		return nil
	}))
	assert.Equal(t, []string{"bin", "etc", "etc/passwd", "usr", "usr/bin", "usr/bin/gunzip", "usr/bin/newuidmap", "usr/bin/uncompress"}, names)
	assert.EqualValues(t, 0o4755, modes["usr/bin/newuidmap"], "the setuid bit survives")
	assert.Equal(t, "usr/bin", links["bin"])
	assert.Equal(t, "usr/bin/gunzip", links["usr/bin/uncompress"])
}

func TestHardLinkToWhatIsLeftOut(t *testing.T) {
	files := tree{}
	addAll(t, files, everything, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "gone"})
	assert.ErrorContains(t, files.write(io.Discard), "hard link to gone")
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"./bin/sh": "usr/bin/sh", "/lib64/ld.so": "usr/lib64/ld.so", "./usr/bin/x": "usr/bin/x",
		"./": "", "../../etc/passwd": "etc/passwd", "binary": "binary",
	} {
		assert.Equal(t, want, canonical(in), in)
	}
}

func TestWithinTree(t *testing.T) {
	assert.Equal(t, "../../usr/bin/kmod", withinTree("usr/sbin/depmod", "/bin/kmod"))
	assert.Equal(t, "libc.so.6", withinTree("usr/lib/libc.so", "libc.so.6"))
}

// The agent's archive follows the modules', at an offset that the kernel accepts.
func TestWithAgent(t *testing.T) {
	var first bytes.Buffer
	archive := newCpio(&first)
	archive.file("lib/modules/a.ko", 0o644, []byte("12345"))
	require.NoError(t, archive.close())
	require.Zero(t, first.Len()%4)

	both := withAgent(first.Bytes()[:first.Len()-1], []byte("agent"))
	assert.Zero(t, len(both)%4)
	at := bytes.LastIndex(both, []byte("init\x00"))
	require.Positive(t, at)
	assert.Equal(t, "070701", string(both[first.Len():first.Len()+6]))
	assert.Equal(t, "agent", string(both[at+6:at+11]), "110 bytes of header and init\\0 are padded to 116")
}
