package modules

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/dirhash"
)

// proxy is a folder in the form of a module proxy with one module, and its sums.
func proxy(t *testing.T) (folder string, sums map[string]string) {
	t.Setenv("COURSE_LANG", "en")
	folder = t.TempDir()
	dir := filepath.Join(folder, "example.com", "!upper", "@v")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	var data bytes.Buffer
	archive := zip.NewWriter(&data)
	w, err := archive.Create("example.com/Upper@v1.0.0/a.go")
	require.NoError(t, err)
	w.Write([]byte("package a\n"))
	require.NoError(t, archive.Close())
	zipped, mod := filepath.Join(dir, "v1.0.0.zip"), filepath.Join(dir, "v1.0.0.mod")
	require.NoError(t, os.WriteFile(zipped, data.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(mod, []byte("module example.com/Upper\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "v1.0.0.info"), []byte(`{"Version":"v1.0.0"}`), 0o644))
	sum, err := dirhash.HashZip(zipped, dirhash.Hash1)
	require.NoError(t, err)
	return folder, map[string]string{
		"example.com/Upper v1.0.0":        sum,
		"example.com/Upper v1.0.0/go.mod": "h1:vkfRcEMNvzdjbTLZn0Zr2m2DQRcDqmiZSVFtiKLk8P8=",
	}
}

func TestVerify(t *testing.T) {
	folder, sums := proxy(t)
	mod := filepath.Join(folder, "example.com", "!upper", "@v", "v1.0.0.mod")
	// A wrong go.mod, and then a module of which no go.sum knows.
	assert.ErrorContains(t, Verify(sums, folder), "example.com/!upper/@v/v1.0.0.mod is not what")
	require.NoError(t, os.Remove(mod))
	assert.NoError(t, Verify(sums, folder))
	delete(sums, "example.com/Upper v1.0.0")
	assert.ErrorContains(t, Verify(sums, folder), "v1.0.0.zip is not what")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "example.com", "!upper", "@v", "list"), nil, 0o644))
	require.NoError(t, os.Remove(filepath.Join(folder, "example.com", "!upper", "@v", "v1.0.0.zip")))
	assert.ErrorContains(t, Verify(sums, folder), "list is not what", "nothing else belongs there")
}

func TestFiles(t *testing.T) {
	folder, sums := proxy(t)
	names, err := Files(sums, folder)
	require.NoError(t, err)
	assert.Equal(t, []string{"example.com/!upper/@v/v1.0.0.info", "example.com/!upper/@v/v1.0.0.mod", "example.com/!upper/@v/v1.0.0.zip"}, names)
	sums["example.com/Other v0.1.0/go.mod"] = "h1:" // named, and read by no build
	_, err = Files(sums, folder)
	assert.NoError(t, err)
	sums["example.com/Other v0.1.0"] = "h1:"
	_, err = Files(sums, folder)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
