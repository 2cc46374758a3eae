package grader

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/internal/seal"
	"mydocker.example/shared/prose"
)

func TestOpenTasksAreTasks(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	for lesson, tasks := range open {
		all, err := Tasks(tree.Tree{Root: root}, tree.Lessons[lesson])
		require.NoError(t, err)
		for _, task := range tasks {
			assert.Contains(t, all, task)
		}
	}
}

func TestParts(t *testing.T) {
	tasks := []prose.Section{{ID: "namespaces"}, {ID: "stranger"}, {ID: "stop"}}
	w := &workshop{sub: Submission{Lesson: tree.Lessons[2]}}
	runs := w.parts(tasks)
	require.Len(t, runs, 2)
	assert.Equal(t, []string{"namespaces", "stop"}, runs[0].tasks)
	assert.False(t, runs[0].open)
	assert.Equal(t, "-test.run=^TestHomework$/^(stranger)$", runs[1].pattern())
	assert.True(t, runs[1].open)

	w.sub.Lesson = tree.Lessons[3]
	assert.Len(t, w.parts(tasks), 1)
	w.sub.Lesson = tree.Lessons[2]
	assert.Len(t, w.parts(tasks[1:2]), 1)
}

// A verdict counts for the tasks of its run only.
func TestToldOfOtherTasksIsNothing(t *testing.T) {
	r := &run{tasks: []string{"stranger"}}
	w := seal.Writer{Key: r.key}
	r.lines.Write(w.Line([]byte(`{"task":"stranger","verdict":"pass"}`)))
	r.lines.Write(w.Line([]byte(`{"task":"stop","verdict":"pass"}`)))
	events := map[string]event{}
	assert.False(t, r.told(events))
	assert.Len(t, events, 1)
	assert.Equal(t, Pass, events["stranger"].Verdict)
}

func TestKilled(t *testing.T) {
	for said, want := range map[string]bool{
		"--- FAIL: TestHomework\nFAIL\n":                                                   false,
		"SIGQUIT: quit\nPC=0x40816e m=0 sigcode=0\n":                                       true,
		"SIGSEGV: segmentation violation\nPC=0x40816e m=0 x\n":                             true,
		"panic: oops\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n": false,
	} {
		r := &run{code: 2}
		r.output.WriteString(said)
		assert.Equal(t, want, r.killed(), said)
	}
	assert.True(t, (&run{code: 137}).killed())
	assert.False(t, (&run{code: 1}).killed())
}
