package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"mydocker.example/shared/course/internal/progress"
	"mydocker.example/shared/course/internal/tree"
)

func TestNextLesson(t *testing.T) {
	at := func(day, points int) progress.Entry {
		return progress.Entry{At: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), Points: points, Of: 100}
	}
	for _, c := range []struct {
		why  string
		best map[string]progress.Entry
		want string // "" is none
	}{
		{"nothing is begun", nil, "00-virtualization"},
		{"the one that was checked last", map[string]progress.Entry{"01-prototype": at(1, 50), "03-filesystem": at(2, 30)}, "03-filesystem"},
		{"the one after it, when it is done", map[string]progress.Entry{"03-filesystem": at(2, 100)}, "04-cgroups"},
		{"what was left out, at the end", map[string]progress.Entry{"07-network": at(2, 100), "00-virtualization": at(1, 100)}, "01-prototype"},
	} {
		l, ok := nextLesson(tree.Lessons, c.best)
		assert.True(t, ok)
		assert.Equal(t, c.want, l.Name, c.why)
	}
	all := map[string]progress.Entry{}
	for i, l := range tree.Lessons {
		all[l.Name] = at(i+1, 100)
	}
	_, ok := nextLesson(tree.Lessons, all)
	assert.False(t, ok, "all is done")
}
