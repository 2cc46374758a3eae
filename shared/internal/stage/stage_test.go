package stage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mydocker.example/shared/prose"
)

func TestCutKey(t *testing.T) {
	for typed, want := range map[string][]string{
		"qb":               {"q", "b"},
		"\x1b[C\x1b[6~n":   {"\x1b[C", "\x1b[6~", "n"},
		"\x1bOC\x1b":       {"\x1bOC", "\x1b"},
		"и":                {"и"},
		"b\xd0":            {"b"}, // half a letter waits for its other half
		"\x1b[1;5C3":       {"\x1b[1;5C", "3"},
		"\xff":             {"\xff"},
		"\x1b[200~x\x1b[2": {"\x1b[200~", "x", "\x1b[2"},
	} {
		var got []string
		for key, rest := cutKey(typed); key != ""; key, rest = cutKey(rest) {
			got = append(got, key)
		}
		require.Equal(t, want, got, "%q", typed)
	}
}

func TestTake(t *testing.T) {
	k := &Keys{single: true}
	type all = []string
	for _, c := range []struct{ typed, want []string }{
		{all{"\r", " ", "\x1b[C", "b", "r", "t", "?", "q", "x"}, all{Next, Space, Next, Back, Repeat, Text, Help, Quit, ""}},
		{all{"т", "и", "к", "е", "р", "й"}, all{Next, Back, Repeat, Text, Help, Quit}},
		{all{"1", ".", "4", "\x7f", "3", "\r"}, all{Typing, Typing, Typing, Typing, Typing, "1.3"}},
		{all{"3", "\x1b", "\r"}, all{Typing, Typing, Next}},
		{all{"3", "b", "\r"}, all{Typing, Back, Next}},
	} {
		for i, typed := range c.typed {
			require.Equal(t, c.want[i], k.take(typed), "%q of %q", typed, c.typed)
		}
		require.Empty(t, k.Typed)
	}
	lines := &Keys{}
	require.Equal(t, Next, lines.take(""))
	require.Equal(t, Quit, lines.take("q"))
	require.Equal(t, "orphan", lines.take("orphan"))
}

// What was typed before is forgotten by a terminal; the end of the input is not.
func TestForget(t *testing.T) {
	k := &Keys{single: true, tokens: make(chan token, 9)}
	k.tokens <- token{"b", time.Now()}
	k.Forget()
	k.tokens <- token{"r", time.Now().Add(time.Second)}
	close(k.tokens)
	got, err := k.Next(context.Background(), 0)
	require.NoError(t, err)
	require.Equal(t, Repeat, got)
	got, err = k.Next(context.Background(), time.Hour)
	require.NoError(t, err)
	require.Equal(t, Quit, got)
}

func TestTickAndInterrupt(t *testing.T) {
	k := &Keys{single: true, tokens: make(chan token)}
	got, err := k.Next(context.Background(), time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, Tick, got)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = k.Next(ctx, 0)
	require.ErrorIs(t, err, context.Canceled)
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
	master, slave := terminalPair(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), getTermios)
	require.NoError(t, err)
	k, restore, err := Listen(slave)
	require.NoError(t, err)
	for _, c := range []struct{ typed, want string }{
		{"\r", Next}, {"\x1b[6~", Next}, {"и", Back}, {"?", Help}, {"й", Quit}, {"1.4\x7f3\r", "1.3"}, {"12\r", "12"},
	} {
		_, err := master.WriteString(c.typed)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		got := Typing
		for got == Typing {
			got, err = k.Next(ctx, 0)
			require.NoError(t, err)
		}
		cancel()
		require.Equal(t, c.want, got, "%q", c.typed)
	}
	restore()
	after, err := unix.IoctlGetTermios(int(slave.Fd()), getTermios)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := NewScreenOn(&out, 20, 5)
	s.Clear()
	s.Write([]byte(s.Style("1", "claim") + "\n"))
	s.Foot("", "a foot that is longer than the screen")
	s.Write([]byte("fact\n"))
	s.Foot("one")
	s.NoFoot()
	s.NoFoot()
	require.Equal(t, "\x1b[H\x1b[2J\x1b[1mclaim\x1b[0m\n"+
		"\r\x1b[K\n\r\x1b[K\x1b[2ma foot that is lon…\x1b[0m"+
		"\r\x1b[1A\x1b[Jfact\n\r\x1b[Kone\r\x1b[J", out.String())
	require.False(t, s.Scrolled(3))
	require.True(t, s.Scrolled(4))

	out.Reset()
	plain := &Screen{Width: 20, out: &out} // a pipe, TERM=dumb
	plain.Clear()
	plain.Write([]byte("\x1b[2J\x1b[1;31mred\x1b[0m → text\n"))
	plain.Foot("one", "two")
	plain.NoFoot()
	require.Equal(t, "\nred → text\none\ntwo\n", out.String())
}

func TestBar(t *testing.T) {
	for lang, clock := range map[string]string{"en": "12 min, plan 15 of 70", "ru": "12 мин, план 15 из 70"} {
		w := In(lang)
		p := NewPlan(70*time.Minute, []int{15, 0, 55})
		begun := time.Now()
		require.Equal(t, clock, w.Clock(p, begun, begun.Add(12*time.Minute+30*time.Second), 2))
		hints := []string{w.Run, w.Back, w.Jump, w.More, w.Quit, w.Keys}
		for width := 10; width < 130; width++ {
			bar := w.Bar(width, hints, clock)
			require.Less(t, prose.Columns(bar), width, bar)
			if width >= 40 {
				require.True(t, strings.HasPrefix(bar, w.Run) && strings.Contains(bar, w.Keys), bar)
			}
			if width >= 60 {
				require.True(t, strings.HasSuffix(bar, clock), bar)
			}
		}
	}
	w := In("en")
	require.Equal(t, "plan 70 min", w.Clock(NewPlan(70*time.Minute, []int{1}), time.Time{}, time.Now(), 0))
	require.Equal(t, "", w.Clock(Plan{}, time.Time{}, time.Now(), 0))
	require.Equal(t, "0 min", w.Clock(Plan{}, time.Now(), time.Now(), 0))
	require.Equal(t, len(english.Help()), len(russian.Help()))
	require.Equal(t, len(english.HelpOfPlayer()), len(russian.HelpOfPlayer()))
}

func TestPlan(t *testing.T) {
	p := NewPlan(time.Hour, []int{1, 2, 3})
	require.Equal(t, []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute}, p.Shares)
	require.Equal(t, 30*time.Minute, p.Before(2))
	require.Equal(t, time.Hour, p.Before(9))
	require.Equal(t, []time.Duration{0, 0}, NewPlan(time.Hour, []int{0, 0}).Shares)
}

func TestPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stage-03")
	_, err := Look(path)
	require.ErrorIs(t, err, ErrNobody)

	first, err := Take(path)
	require.NoError(t, err)
	_, err = Look(path)
	require.ErrorIs(t, err, ErrBetween)
	first.Say(State{IDs: []string{"a-long-name", "b"}, At: 1, Phase: RunsNow, Begun: time.Now()})
	first.Say(State{IDs: []string{"a", "b"}, Phase: Shown, Plan: NewPlan(time.Hour, []int{1, 1})})
	s, err := Look(path)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, s.IDs)
	require.Equal(t, Shown, s.Phase)
	require.Equal(t, 30*time.Minute, s.Plan.Before(1))

	later, err := Take(path)
	require.NoError(t, err)
	later.Say(State{IDs: []string{"c"}})
	first.Say(State{IDs: []string{"a"}})
	first.Leave()
	s, err = Look(path)
	require.NoError(t, err, "the later run is followed, and the first one's end is not its own")
	require.Equal(t, []string{"c"}, s.IDs)

	later.file.Close() // as the kernel does for a process that was killed
	_, err = Look(path)
	require.ErrorIs(t, err, ErrNobody)

	third, err := Take(path)
	require.NoError(t, err)
	third.Leave()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	require.NoError(t, err)
	require.Empty(t, left)

	none, err := Take("")
	require.NoError(t, err)
	none.Say(State{})
	none.Leave()
}
