package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"mydocker.example/shared/course/internal/class"
	"mydocker.example/shared/course/internal/grader"
)

func TestTheBarIsOneLine(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	b := &progressBar{of: 30, done: 15, fresh: 5, begun: time.Now().Add(-50 * time.Second), atWork: []string{"anna", "eve\x1b[2J\n"}}
	assert.Equal(t, "[##########..........] 15/30  2m30s left  anna, eve�[2J�", b.line(80))
	assert.Equal(t, "[##########..........] 15/30  2…", b.line(32))
	b.done = 30
	b.atWork = nil
	assert.Equal(t, "[####################] 30/30", b.line(80))
	assert.Equal(t, "[....................] 0/0", (&progressBar{}).line(80))
}

func TestSummary(t *testing.T) {
	t.Setenv("COURSE_LANG", "en")
	tasks := []grader.Outcome{{Task: "pivot", Points: 70, Of: 70}, {Task: "volume", Of: 30}}
	got := summary([]class.Record{
		{Name: "anna", Status: class.Graded, Points: 70, Of: 100, Report: grader.Report{Tasks: tasks}},
		{Name: "ben", Status: class.Graded, Points: 70, Of: 100, Why: "hang", Report: grader.Report{Tasks: tasks, Warning: "open"}},
		{Name: "eve", Status: class.Attacked, Of: 100, Why: "killed", Report: grader.Report{Tasks: tasks, Warning: "open"}},
		{Name: "fay", Status: class.Refused, Why: "it does not compile:; x.go:1"},
	}, []string{"pivot", "volume"}, 61*time.Second)
	assert.Equal(t, `4 submissions in 1m1s, graded 2, refused 1, attacked 1
  pivot          #################### passed by 2 of 2
  volume         .................... passed by 0 of 2
   70/100   ben  hang
  open
  attacked  eve  killed
  refused   fay  it does not compile:; x.go:1
`, got)
}
