package image

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGivenImage(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "image-1")
	require.NoError(t, os.Mkdir(folder, 0o755))
	b := &builder{lab: t.TempDir(), key: "k", log: io.Discard}
	_, err := b.givenImage(folder)
	require.ErrorContains(t, err, "has no kernel")

	archive := filepath.Join(t.TempDir(), "image.tar.gz")
	f, err := os.Create(archive)
	require.NoError(t, err)
	packed := gzip.NewWriter(f)
	out := tar.NewWriter(packed)
	for _, name := range []string{"kernel", "initrd", "rootfs.squashfs", "manifest.json", "../evil"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte(name), 0o644))
		require.NoError(t, out.WriteHeader(&tar.Header{Name: "image-1/" + name, Mode: 0o644, Size: int64(len(name))}))
		out.Write([]byte(name))
	}
	require.NoError(t, out.Close())
	require.NoError(t, packed.Close())
	require.NoError(t, f.Close())

	dir, err := b.givenImage(folder)
	require.NoError(t, err)
	assert.Equal(t, folder, dir, "a folder is used where it is")
	dir, err = b.givenImage(archive)
	require.NoError(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 3, "nothing but the three files")
}

func TestGivenKernel(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "lib/modules/6.12.95+test")
	require.NoError(t, os.MkdirAll(filepath.Join(tree, "kernel/net"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "kernel/net/veth.ko"), elfFile("depends=\x00"), 0o644))
	file := filepath.Join(dir, "vmlinuz")
	require.NoError(t, os.WriteFile(file, bzImageOf([]byte("packed in an unknown way")), 0o644))
	k, err := givenKernel(file)
	require.NoError(t, err)
	assert.Equal(t, "6.12.95+test", k.release)
	assert.Equal(t, []string{"veth"}, k.modules.names(bootModules))
	assert.True(t, isBzImage(k.image), "what cannot be unpacked boots as it is")
}

func TestGivenKernelIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o644))
	_, err := givenKernel(file)
	assert.ErrorContains(t, err, "no kernel")
}
