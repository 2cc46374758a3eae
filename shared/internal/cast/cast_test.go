package cast

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// record is a recording as the engine makes one, and the file of it.
func record(t *testing.T) (Recording, string) {
	r := NewRecorder()
	r.Write([]byte("\x1b[2J3.1 fork\nчто <сказало> ядро\n"))
	r.Mark("3.1 fork: a title")
	r.Pause(4 * time.Second)
	r.Write([]byte("PROVED\n"))
	r.Pause(3 * time.Second)
	made := r.End(Header{Width: 80, Height: 24, IdleLimit: 5, Title: "Lesson", Env: map[string]string{"TERM": "xterm-256color"}})
	var file bytes.Buffer
	require.NoError(t, made.Encode(&file))
	return made, file.String()
}

// What the description of the format requires, read with nothing of this package.
func TestFormat(t *testing.T) {
	_, file := record(t)
	lines := strings.Split(strings.TrimSuffix(file, "\n"), "\n")
	var header map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &header))
	require.Equal(t, 2.0, header["version"])
	require.Equal(t, 80.0, header["width"])
	require.Equal(t, 24.0, header["height"])
	require.InDelta(t, time.Now().Unix(), header["timestamp"], 60)
	require.InDelta(t, 7, header["duration"], 1)
	before := 0.0
	for _, line := range lines[1:] {
		var event []any
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		require.Len(t, event, 3)
		require.GreaterOrEqual(t, event[0], before)
		require.Contains(t, []any{"o", "m"}, event[1])
		require.IsType(t, "", event[2])
		before = event[0].(float64)
	}
	require.Contains(t, lines[1], `"\u001b[2J3.1 fork\r\nчто <сказало> ядро\r\n"]`)
	require.True(t, strings.HasSuffix(lines[2], `,"m","3.1 fork: a title"]`), lines[2])
	require.Equal(t, header["duration"], before)
}

func TestReadWhatWasWritten(t *testing.T) {
	made, file := record(t)
	read, err := Read(strings.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, made.Header, read.Header)
	require.Len(t, read.Events, len(made.Events))
	for i, e := range read.Events {
		require.Equal(t, made.Events[i].Data, e.Data)
		require.InDelta(t, made.Events[i].At, e.At, float64(time.Microsecond))
	}
	require.InDelta(t, 4*time.Second, read.Gap(2), float64(time.Second))
}

func TestEveryTruncationIsFound(t *testing.T) {
	_, file := record(t)
	for n := range len(file) - 1 { // without its last newline it is still whole
		_, err := Read(strings.NewReader(file[:n]))
		require.Error(t, err, "%d: %q", n, file[:n])
		if n > strings.Index(file, "\n") {
			require.ErrorIs(t, err, ErrTruncated, "%d: %q", n, file[:n])
		}
	}
}

func TestForeign(t *testing.T) {
	const header = `{"version":2,"width":80,"height":24}` + "\n"
	for file, reason := range map[string]string{
		"":                        "line 1: there is none",
		"\x7fELF\x02\x01":         "line 1: no JSON header",
		"# A text\n\nof words\n":  "line 1: no JSON header",
		"[1, \"o\", \"x\"]\n":     "line 1: no JSON header",
		`{"a": 1}` + "\n":         "line 1: the version is 0",
		`{"version":1,"width":1}`: "line 1: the version is 1",
		`{"version":3,"term":{}}`: "line 1: the version is 3",
		`{"version":2,"width":0}`: "a terminal of 0 x 0",
		header + "[0.1, \"o\", 7]\n[1, \"o\", \"\"]\n":         "line 2: the data is no text",
		header + "[-1, \"o\", \"\"]\n[1, \"o\", \"\"]\n":       "line 2: time -1",
		header + "hello\n[1, \"o\", \"\"]\n":                   "line 2: no event",
		header + "[2, \"o\", \"\"]\n[1, \"o\", \"\"]\n":        "line 3: it is earlier",
		header + "[1, \"o\"]\n[1, \"o\", \"\"]\n":              "line 2: no event",
		strings.Repeat("x", longest+10):                        "line 1: there is none",
		`{"version":2,"width":80,"height":"x"}` + "\n[]\n[]\n": "line 1: no JSON header",
	} {
		_, err := Read(strings.NewReader(file))
		require.ErrorIs(t, err, ErrForeign)
		require.ErrorContains(t, err, reason)
	}
}

// What another recorder may write: events of other kinds, no duration, empty lines.
func TestOtherRecorders(t *testing.T) {
	r, err := Read(strings.NewReader(`{"version": 2, "width": 80, "height": 24, "theme": {"fg": "#d0d0d0"}}
[0.25, "o", "hello"]
[1, "r", "90x30"]

[2.5, "z", {"any": "thing"}]
[3, "i", "x"]`))
	require.NoError(t, err)
	require.Len(t, r.Events, 4)
	require.Equal(t, Event{At: 250 * time.Millisecond, Code: "o", Data: "hello"}, r.Events[0])
}

func TestGap(t *testing.T) {
	r := Recording{Header: Header{IdleLimit: 5}, Events: []Event{{At: time.Second}, {At: time.Minute}}}
	require.Equal(t, time.Second, r.Gap(0))
	require.Equal(t, 5*time.Second, r.Gap(1))
	r.IdleLimit = 0
	require.Equal(t, 59*time.Second, r.Gap(1))
}
