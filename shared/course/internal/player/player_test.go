package player

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mydocker.example/shared/internal/cast"
	"mydocker.example/shared/internal/stage"
)

// tape is a recording of two proofs.
func tape() cast.Recording {
	r := cast.NewRecorder()
	for _, n := range []string{"1", "2"} {
		r.Write([]byte("\x1b[H\x1b[2J\x1b[1mclaim" + n + "\x1b[0m\n"))
		r.Mark("9." + n + " id-" + n + ": Title of " + n)
		r.Pause(4 * time.Second)
		r.Write([]byte("\x1b[H\x1b[2Jrun" + n + "\n"))
		r.Pause(time.Second)
		r.Write([]byte("PROVED" + n + "\n"))
		r.Mark("9." + n + " PROVED")
		r.Pause(4 * time.Second)
	}
	r.Write([]byte("\x1b[H\x1b[2Jproved: 2\n"))
	return r.End(cast.Header{Width: 80, Height: 24, IdleLimit: 5})
}

// pipe is an input that holds these lines and then ends.
func pipe(t *testing.T, text string) *os.File {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { read.Close() })
	_, err = write.WriteString(text)
	require.NoError(t, err)
	write.Close()
	return read
}

func player(out *bytes.Buffer) *Player {
	return &Player{Tape: tape(), Speed: 1000, Voice: stage.In("en"), Place: &stage.Place{},
		Screen: stage.NewScreenOn(out, 80, 24)}
}

func TestFind(t *testing.T) {
	p := player(&bytes.Buffer{})
	require.NoError(t, p.Find())
	require.Equal(t, []step{
		{number: "9.1", id: "id-1", title: "Title of 1", word: "PROVED", begin: 0, claim: 2, end: 5},
		{number: "9.2", id: "id-2", title: "Title of 2", word: "PROVED", begin: 5, claim: 7, end: 10},
	}, p.steps)
	require.Equal(t, 9, p.Lesson())

	p = player(&bytes.Buffer{})
	p.Tape.Events = p.Tape.Events[:1]
	require.ErrorIs(t, p.Find(), ErrUnmarked)
}

// The keys of the stage, and where they lead.
func TestStep(t *testing.T) {
	for typed, want := range map[string]string{
		"":                 "claim1",
		"\n":               "claim1 run1 PROVED1",
		"\n\n\n":           "claim1 run1 PROVED1 claim2 run2 PROVED2",
		"\n\n\n\n\n\n":     "claim1 run1 PROVED1 claim2 run2 PROVED2",
		"\n\nb\n\n":        "claim1 run1 PROVED1 claim2 claim1 run1 PROVED1",
		"2\nr\nr\nq\n\n":   "claim1 claim2 run2 PROVED2 claim2 run2 PROVED2",
		"9.2\nid-1\n9.3\n": "claim1 claim2 claim1 no such proof: 9.3",
		"?\nb\n":           "claim1 quit claim1",
	} {
		var out bytes.Buffer
		p := player(&out)
		require.NoError(t, p.Find())
		require.NoError(t, p.Step(context.Background(), pipe(t, typed)))
		told := regexp.MustCompile(`claim\d|run\d|PROVED\d|no such proof: \S+|q {10,}(quit)`).FindAllString(out.String(), -1)
		require.Equal(t, want, regexp.MustCompile(`q +quit`).ReplaceAllString(strings.Join(told, " "), "quit"), "%q", typed)
		require.True(t, strings.HasSuffix(out.String(), "\x1b[J\x1b[0m\x1b[?25h"), "%q", out.String())
	}
}

func TestPlayInTime(t *testing.T) {
	var out bytes.Buffer
	p := player(&out)
	p.Speed = 100
	begun := time.Now()
	require.NoError(t, p.Play(context.Background(), nil))
	require.InDelta(t, 180*time.Millisecond, time.Since(begun), float64(150*time.Millisecond))
	require.Contains(t, out.String(), "PROVED2\r\n\x1b[H\x1b[2Jproved: 2\r\n")

	p.Speed = 0.1
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Play(ctx, nil), context.DeadlineExceeded)
}

func TestSmallTerminal(t *testing.T) {
	p := player(&bytes.Buffer{})
	require.Empty(t, p.small())
	p.Screen.Width = 60
	require.Contains(t, p.small(), "SIZE=60x24")
}
