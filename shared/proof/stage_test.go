package proof

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/labtest"
)

// story is what happened on the stage, in order: titles shown, verdicts reached.
func story(out string) string {
	words := regexp.MustCompile(`(?m)^(9\.\d+) [a-z-]+: |^  (PROVED|REFUTED)$|^  (no such proof: .*)$|^  (q) +quit`)
	var told []string
	for _, m := range words.FindAllStringSubmatch(out, -1) {
		told = append(told, strings.Join(m[1:], ""))
	}
	return strings.Join(told, " ")
}

func TestStageByPipe(t *testing.T) {
	const only = "ONLY=holds,does-not-hold,attack"
	for typed, want := range map[string]string{
		"":                        "9.1",
		"\n":                      "9.1 PROVED",
		"\n\n\n":                  "9.1 PROVED 9.2 REFUTED",
		"\n\n\nb\n\n":             "9.1 PROVED 9.2 REFUTED 9.1 PROVED",
		"\nr\nr\n":                "9.1 PROVED PROVED PROVED",
		"3\n\n\n":                 "9.1 9.10 PROVED",
		"9.2\n9.10\nholds\nq\n\n": "9.1 9.2 9.10 9.1",
		"7\n?\nb\n":               "9.1 no such proof: 7 q 9.1",
		"\n\n\n\n\n\n\n":          "9.1 PROVED 9.2 REFUTED 9.10 PROVED",
	} {
		out, code := lesson(t, typed, "STEP=1", only)
		require.Equal(t, want, story(out), "%q", typed)
		require.Equal(t, strings.Contains(want, "REFUTED"), code == exitRefuted, "%q", typed)
	}
}

func TestStageAndJSON(t *testing.T) {
	out, code := lesson(t, "", "STEP=1", "JSON=1")
	require.Contains(t, out, "STEP and JSON exclude one another")
	require.Equal(t, exitUsage, code)
}

// terminalPair is a pseudo-terminal: what is written to the master is typed.
func terminalPair(t *testing.T) (master, slave *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func TestKeysOfATerminal(t *testing.T) {
	labtest.NeedRoot(t)
	master, slave := terminalPair(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	require.NoError(t, err)
	echo := ""
	k, restore, err := newKeys(slave, func(typed string) { echo += typed })
	require.NoError(t, err)

	for _, c := range []struct{ typed, want string }{
		{"\r", keyNext}, {" ", keyNext}, {"\x1b[C", keyNext}, {"\x1b[6~", keyNext},
		{"b", keyBack}, {"\x1b[5~", keyBack}, {"и", keyBack},
		{"r", keyRepeat}, {"?", keyHelp}, {"q", keyQuit}, {"й", keyQuit},
		{"1.4\x7f3\r", "1.3"}, {"12\r", "12"},
	} {
		_, err := master.WriteString(c.typed)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		got, err := k.next(ctx)
		cancel()
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%q", c.typed)
	}
	require.Equal(t, "1.4\b \b312", echo)

	restore()
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	require.NoError(t, err)
	require.Equal(t, before, after)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = k.next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
