package grader

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/tree"
)

const empty = "package main\n\nfunc main() {}\n"

// handIn writes more files into a submission.
func handIn(t *testing.T, sub Submission, files map[string]string) {
	t.Helper()
	for name, text := range files {
		require.NoError(t, put(filepath.Join(sub.Dir, name), []byte(text)))
	}
}

// graded builds a submission, and returns why it was refused, or "".
func graded(t *testing.T, tr tree.Tree, sub Submission) string {
	t.Helper()
	w, err := newWorkshop(tr, sub)
	if err == nil {
		defer w.close()
		_, err = w.build(t.Context())
	}
	var r *Refusal
	if errors.As(err, &r) {
		return r.Error()
	}
	require.NoError(t, err)
	return ""
}

func TestABuildReadsNothingOfThisMachine(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	secret := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(secret, []byte("swordfish"), 0o644))
	for name, c := range map[string]struct {
		files map[string]string
		link  string // of this name, to the secret
		why   string
	}{
		"assembler":         {map[string]string{"a_amd64.s": "#include \"" + secret + "\"\n"}, "", "a_amd64.s is no Go"},
		"embed":             {map[string]string{"e.go": "package main\n\nimport _ \"embed\"\n\n//go:embed " + secret + "\nvar s string\n"}, "", "invalid pattern syntax"},
		"embed of a parent": {map[string]string{"e.go": "package main\n\nimport _ \"embed\"\n\n//go:embed ../secret.txt\nvar s string\n"}, "", "invalid pattern syntax"},
		"embed of a link":   {map[string]string{"e.go": "package main\n\nimport _ \"embed\"\n\n//go:embed s.txt\nvar s string\n"}, "s.txt", "s.txt is no regular file"},
		"a link as source":  {nil, "s.go", "s.go is no regular file"},
		"cgo":               {map[string]string{"c.go": "package main\n\n/*\n#include \"" + secret + "\"\nint n;\n*/\nimport \"C\"\n\nvar N = C.n\n", "m.go": "package main\n\nvar _ = N\n"}, "", "undefined: N"},
		"line":              {map[string]string{"l.go": "package main\n\n//line " + secret + ":1\nfunc init() { nothing() }\n"}, "", "undefined: nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			tr, sub := submission(t, empty)
			handIn(t, sub, c.files)
			if c.link != "" {
				require.NoError(t, os.Symlink(secret, filepath.Join(sub.Dir, c.link)))
			}
			why := graded(t, tr, sub)
			assert.Contains(t, why, c.why)
			assert.NotContains(t, why, "swordfish")
		})
	}
}

func TestWhatIsForTheGoCommandIsNotReadByIt(t *testing.T) {
	tr, sub := submission(t, "package main\n\nimport _ \"mydocker.example/shared/undo\"\n\n//go:generate touch GENERATED\nfunc main() {}\n")
	handIn(t, sub, map[string]string{
		"go.mod":           "module x\n\ngo 1.99\n\ntoolchain go1.99.9\n\nrequire mydocker.example/shared v0.0.0\n\nreplace mydocker.example/shared => /nowhere\n",
		"go.sum":           "nonsense\n",
		"go.work":          "go 1.99\n\nuse ./evil\n",
		"vendor/x.txt":     "x",
		"homework_test.go": "package main\n\nfunc broken( {\n",
		".git/config":      strings.Repeat("x", 1000),
	})
	require.NoError(t, os.Symlink("somebody", filepath.Join(sub.Dir, ".#main.go")))
	assert.Empty(t, graded(t, tr, sub))
	assert.NoFileExists(t, filepath.Join(sub.Dir, "GENERATED"))
}

func TestWhatIsTooMuchIsNotRead(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	for name, c := range map[string]struct {
		make func(dir string) error
		why  string
	}{
		"large": {func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "big"), nil, 0o644), os.Truncate(filepath.Join(dir, "big"), 1<<40))
		}, "larger than 16 MB"},
		"many": {func(dir string) (err error) {
			for i := range mostFiles + 1 {
				err = errors.Join(err, os.WriteFile(filepath.Join(dir, strings.Repeat("x", i%200+1)+string(rune('a'+i/200))), nil, 0o644))
			}
			return err
		}, "more than 1000 files"},
		"a pipe": {func(dir string) error { return unix.Mkfifo(filepath.Join(dir, "pipe.go"), 0o644) }, "pipe.go is no regular file"},
		"a name": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a\n\x1b[2J.go"), []byte(empty), 0o644)
		}, `"a\n\x1b[2J.go" is no name`},
	} {
		t.Run(name, func(t *testing.T) {
			tr, sub := submission(t, empty)
			require.NoError(t, c.make(sub.Dir))
			assert.Contains(t, graded(t, tr, sub), c.why)
			assert.ErrorContains(t, Plain(sub.Dir), c.why)
		})
	}
	tr, sub := submission(t, empty)
	require.NoError(t, os.Remove(filepath.Join(sub.Dir, "go.mod")))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(sub.Dir, "go.mod")))
	assert.Contains(t, graded(t, tr, sub), "go.mod is no ordinary file")
}

// What reaches these limits takes minutes and gigabytes, so it is only seen that they are there.
func TestABuildHasLimits(t *testing.T) {
	said, err := exec.Command("/bin/sh", "-c", limits, "sh", "/bin/sh", "-c", "ulimit -t; ulimit -v; ulimit -f").Output()
	require.NoError(t, err)
	assert.Equal(t, "90\n4194304\n1048576\n", string(said))
}

// The module to build with requires what each lesson's own solution requires.
func TestEveryLessonsSolutionBuilds(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	tr := tree.Tree{Root: root, Build: t.TempDir()}
	for _, l := range tree.Lessons {
		w, err := newWorkshop(tr, Submission{Lesson: l, Dir: tr.Dir("solutions", l)})
		require.NoError(t, err, l.Name)
		require.NoError(t, w.imports(t.Context()), l.Name)
		data, err := os.ReadFile(filepath.Join(w.src, "go.mod"))
		require.NoError(t, err)
		file, err := modfile.Parse("go.mod", data, nil)
		require.NoError(t, err)
		assert.Nil(t, file.Toolchain)
		w.close()
	}
	left, err := os.ReadDir(tr.Build)
	require.NoError(t, err)
	assert.Empty(t, left)
}
