package proof

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/internal/cast"
)

// A run is recorded as it was told; a refuted one leaves what was there.
func TestRecord(t *testing.T) {
	t.Chdir(t.TempDir()) // a path of the machine's may be longer than a line
	const path = "x.cast"
	out, code := lesson(t, "", "ONLY=holds,attack", "COURSE_TAPE="+path, "NO_COLOR=1")
	require.Zero(t, code, out)
	require.Contains(t, out, "make replay-09")
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	tape, err := cast.Read(file)
	require.NoError(t, err)
	require.Equal(t, 80, tape.Width)
	var marks []string
	var shown strings.Builder
	for _, e := range tape.Events {
		if e.Code == cast.Marker {
			marks = append(marks, e.Data)
		} else {
			shown.WriteString(e.Data)
		}
	}
	require.Equal(t, []string{"9.1 holds: About holds", "9.1 PROVED", "9.10 attack: About attack", "9.10 PROVED"}, marks)
	plain := regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`).ReplaceAllString(shown.String(), "")
	require.Contains(t, plain, "readlink /proc/self/ns/pid → pid:[4026532281]\r\n")
	require.Contains(t, plain, "cat secret → s3cret\r\n")
	require.Contains(t, plain, "proved: 2\r\n")
	require.Contains(t, shown.String(), "\x1b[1;32mPROVED")

	before, err := os.ReadFile(path)
	require.NoError(t, err)
	out, code = lesson(t, "", "ONLY=holds,errno", "COURSE_TAPE="+path)
	require.Equal(t, exitRefuted, code)
	require.Contains(t, out, "nothing is recorded")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, left, 1)
}
