package stub

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const wanted = `package main

import (
	"context"
	"fmt"
	"io"
	str "strings"
	"time"
)

// A record is what is known.
type record struct{ ID string }

type grid [2]int

// load reads a record.
func load(id string) (record, error) {
	// homework: store
	// TODO: read the file and say what is wrong with it.
	// A damaged one is no reason to stop.
	//
	// See proof 1.2.
	return record{}, todo("store: load")
}

// all has one of each.
func all() (r *record, g grid, d time.Duration, w io.Writer, c context.Context, err error) {
	// homework: kinds
	return nil, grid{}, 0, nil, nil, todo("kinds: all")
}

// each has a hole in a literal, and one branch of two.
func each(names []string) error {
	f := func(name string) (string, error) {
		// homework: each
		return "", todo("each: each")
	}
	for _, name := range names {
		if name == "" {
			// homework: each
			// TODO: refuse it.
			return todo("each: each")
		}
		if _, err := f(name); err != nil {
			return err
		}
	}
	return nil
}

// late has prepared something for the hole.
func late(name string) error {
	upper, path := str.ToUpper(name), "p"+name
	n, err := fmt.Sscan(upper)
	if err != nil {
		return err
	}
	// homework: each
	_, _ = path, n // here for you
	return todo("each: late")
}

// homework: store
// TODO: you may want a helper.
`

// madeUp copies the made-up solution where no go.work knows of it.
func madeUp(t *testing.T) string {
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/solution")))
	return dir
}

func TestGenerate(t *testing.T) {
	dir := madeUp(t)
	s, err := Generate(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, []string{".stub", "go.mod", "main.go", "store.go", "todo.go"}, s.names())
	assert.Equal(t, []string{"each", "kinds", "store"}, s.Tasks)
	assert.Equal(t, wanted, string(s.Files["store.go"]))
	assert.Equal(t, "module mydocker.example/homework/99-madeup\n\ngo 1.25.0\n", string(s.Files["go.mod"]))

	again, err := Generate(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, s, again)
}

func TestStubCompilesAndVets(t *testing.T) {
	s, err := Generate(t.Context(), madeUp(t))
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = s.Write(dir)
	require.NoError(t, err)
	cmd := exec.Command("go", "vet", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ body, why string }{
		"open":         {"func f() error {\n// homework: a\nreturn nil\n}\n", "without // end"},
		"end alone":    {"func f() error {\nreturn nil\n// end\n}\n", "// end without"},
		"nested":       {"func f() error {\n// homework: a\n// homework: b\nreturn nil\n// end\n}\n", "hole inside"},
		"no error":     {"func f() int {\n// homework: a\nreturn 1\n// end\n}\n", "must return an error"},
		"nothing":      {"func f() {\n// homework: a\nprintln()\n// end\n}\n", "must return an error"},
		"dead code":    {"func f() error {\n// homework: a\nprintln()\n// end\nreturn nil\n}\n", "never run"},
		"not compiled": {"func f() error {\n", "does not compile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOWORK", "off")
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.25.0\n"), 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("package main\n\nfunc main() {}\n\n"+c.body), 0o644))
			_, err := Generate(t.Context(), dir)
			assert.ErrorContains(t, err, c.why)
		})
	}
}

func TestWriteLeavesAStudentsWorkAlone(t *testing.T) {
	s, err := Generate(t.Context(), madeUp(t))
	require.NoError(t, err)
	dir := t.TempDir()
	changed, err := s.Write(dir)
	require.NoError(t, err)
	assert.Equal(t, s.names(), changed)
	changed, err = s.Write(dir)
	require.NoError(t, err)
	assert.Empty(t, changed, "nothing to do the second time")

	// The solution changes: an untouched stub follows it.
	s.Files["main.go"] = append(s.Files["main.go"], "// more\n"...)
	delete(s.Files, "store.go")
	s.Files[manifest] = s.sums()
	edited, err := s.Edited(dir)
	require.NoError(t, err)
	assert.Empty(t, edited)
	changed, err = s.Write(dir)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"main.go", "store.go", manifest}, changed)
	assert.NoFileExists(t, filepath.Join(dir, "store.go"))

	// A student writes: that is seen, and only that.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.go"), []byte("package main\n"), 0o644))
	edited, err = s.Edited(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"main.go"}, edited)

	saved := filepath.Join(t.TempDir(), "saved", "one")
	require.NoError(t, Save(dir, saved))
	assert.FileExists(t, filepath.Join(saved, "mine.go"))
	require.NoError(t, Empty(dir))
	_, err = s.Write(dir)
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "mine.go"))
}

func TestFilledHasTheBodiesAndNotTheMarkers(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\n\nfunc f() error {\n\t// homework: x\n\t// TODO: this\n\t// and that.\n\treturn g() // here\n\t// end\n}\n"), 0o644))
	files, err := Filled(dir)
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"a.go": []byte("package a\n\nfunc f() error {\n\treturn g() // here\n}\n")}, files)
}
