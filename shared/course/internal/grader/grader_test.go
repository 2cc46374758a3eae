package grader

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

// submission makes a mydocker of one file in a folder outside the course.
func submission(t *testing.T, source string) (tree.Tree, Submission) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.25.0\n"), 0o644))
	return tree.Tree{Root: root, Build: t.TempDir()}, Submission{Lesson: tree.Lessons[1], Dir: dir}
}

func refusal(t *testing.T, source string) string {
	tr, sub := submission(t, source)
	w, err := newWorkshop(tr, sub)
	require.NoError(t, err)
	defer w.close()
	_, err = w.build(t.Context())
	var r *Refusal
	require.ErrorAs(t, err, &r)
	return r.Error()
}

func TestWhatDoesNotCompileIsRefusedPlainly(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	assert.Regexp(t, `^it does not compile:\n\S*/main.go:3:15: undefined: nothing$`, refusal(t, "package main\n\nfunc main() { nothing() }\n"))
}

func TestWhatWasNotTaughtIsRefused(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	for path, why := range map[string]string{
		"mydocker.example/shared/rootfs":          "from lesson 04 on",
		"mydocker.example/solutions/01-prototype": "not a library",
		"mydocker.example/shared/course":          "not a library",
	} {
		assert.Contains(t, refusal(t, fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", path)), why)
	}
}

func TestASubmissionMayLieAnywhere(t *testing.T) {
	tr, sub := submission(t, "package main\n\nimport _ \"mydocker.example/shared/undo\"\n\nfunc main() {}\n")
	w, err := newWorkshop(tr, sub)
	require.NoError(t, err)
	defer w.close()
	program, err := w.build(t.Context())
	require.NoError(t, err)
	assert.FileExists(t, program)
	assert.Empty(t, w.vet(t.Context()))
	entries, err := os.ReadDir(sub.Dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is written into it")
}

func TestNoModuleIsToldPlainly(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	tr, sub := submission(t, "package main\n\nfunc main() {}\n")
	sub.Dir = filepath.Join(sub.Dir, "nowhere")
	_, err := newWorkshop(tr, sub)
	assert.ErrorContains(t, err, "copy the one of homework/01-prototype")
}

func TestForeignModulesAreRefused(t *testing.T) {
	tr, sub := submission(t, "package main\n\nfunc main() {}\n")
	mod := "module x\n\ngo 1.25.0\n\nrequire github.com/opencontainers/runc v1.0.0\n"
	require.NoError(t, os.WriteFile(filepath.Join(sub.Dir, "go.mod"), []byte(mod), 0o644))
	_, err := newWorkshop(tr, sub)
	assert.ErrorContains(t, err, "github.com/opencontainers/runc")
}

func TestOutcomes(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	text := []prose.Section{{ID: "a", Points: 10}, {ID: "b", Points: 20}, {ID: "c", Points: 5}}
	_, err := outcomes(text, nil, nil)
	assert.Error(t, err, "zero tasks")

	told := map[string]event{"a": {Task: "a", Verdict: Pass}}
	for ended, want := range map[error]string{vm.ErrDied: "lab-died", vm.ErrTimeout: "hang", errKilled: "killed", nil: "unchecked"} {
		got, err := outcomes(text, told, ended)
		require.NoError(t, err)
		assert.Equal(t, 10, got[0].Points)
		assert.Equal(t, want, got[1].Diagnosis)
		assert.Equal(t, 0, got[2].Points)
	}
}

func TestAPanicIsAWordAndALine(t *testing.T) {
	assert.Equal(t, "it said: panic: oops (main.go:9)", plain("it said: panic: oops\n\ngoroutine 1 [running]:\nmain.main()\n\t/tmp/sub/main.go:9 +0x25"))
	assert.Equal(t, `complains "panic: oops (main.go:9)": no`, plain(`complains "panic: oops\n\ngoroutine 1 [running]:\nmain.main()\n\t/tmp/main.go:9 +0x25": no`))
	assert.Equal(t, "exit 3", plain("exit 3"))
	assert.Len(t, strings.Split(plain(strings.Repeat("x\n", 100000)), "\n"), manyLines+1)
	assert.Less(t, len(plain(strings.Repeat("ж", 100000))), manyBytes+10)
}
