// Package stage is what a lecturer has in hand: keys, a screen with a line of help at its
// foot, a clock against the plan, and a place where the notes on a second terminal see where
// the lesson is. The engine (proof) and the player of recordings share it.
//
// It is plumbing, taught by no lesson.
package stage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// What a key asks for. Anything else is where to jump: "3", "1.3", "orphan".
const (
	Next   = "next"
	Space  = "space" // a Next, to all but a player, which it pauses
	Back   = "back"
	Repeat = "repeat"
	Text   = "text"
	Quit   = "quit"
	Help   = "help"

	// Not keys, but reasons to look at the screen again.
	Tick    = "tick"    // some time has passed
	Resized = "resized" // the terminal has
	Typing  = "typing"  // Typed has changed
)

// meanings holds the keys themselves, what a presenter's remote control sends, and the
// same keys of a Russian layout that was left on.
var meanings = map[string]string{
	"": Next, "\n": Next, "\r": Next, " ": Space, "n": Next, "т": Next,
	"\x1b[C": Next, "\x1b[B": Next, "\x1b[6~": Next, "\x1bOC": Next, "\x1bOB": Next,
	"b": Back, "и": Back, "\x1b[D": Back, "\x1b[A": Back, "\x1b[5~": Back, "\x1bOD": Back, "\x1bOA": Back,
	"r": Repeat, "к": Repeat,
	"t": Text, "е": Text,
	"q": Quit, "й": Quit, "\x04": Quit,
	"?": Help, "h": Help, "р": Help,
}

// Keys reads what the lecturer wants.
type Keys struct {
	Typed string // of a number, so far

	tokens chan token // from a terminal: keys; from a pipe: lines
	single bool       // tokens are keys
	woken  chan os.Signal
	deaf   time.Time // what was typed before is not heard
	cbreak func() error
}

type token struct {
	text string
	at   time.Time
}

// Listen reads keys from a terminal, lines from anything else. restore puts the terminal
// back as it was.
func Listen(in *os.File) (k *Keys, restore func(), err error) {
	k = &Keys{tokens: make(chan token, 256), single: term.IsTerminal(int(in.Fd())), woken: make(chan os.Signal, 1)}
	restore = func() {}
	if k.single {
		if restore, err = k.singleKeys(int(in.Fd())); err != nil {
			return nil, nil, err
		}
		signal.Notify(k.woken, unix.SIGWINCH, unix.SIGCONT)
	}
	go k.read(in)
	return k, restore, nil
}

// Single says that a person types, key by key, and not a pipe.
func (k *Keys) Single() bool { return k.single }

// singleKeys has the terminal hand over each key at once, unechoed (termios(3)). Unlike
// raw mode this leaves Ctrl-C a signal and a newline a newline.
func (k *Keys) singleKeys(fd int) (restore func(), err error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("tcgetattr: %w", err)
	}
	k.cbreak = func() error {
		settings, err := unix.IoctlGetTermios(fd, getTermios)
		if err != nil {
			return fmt.Errorf("tcgetattr: %w", err)
		}
		settings.Lflag &^= unix.ICANON | unix.ECHO
		settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
		if err := unix.IoctlSetTermios(fd, setTermios, settings); err != nil {
			return fmt.Errorf("tcsetattr: %w", err)
		}
		return nil
	}
	return func() { term.Restore(fd, before) }, k.cbreak()
}

// read hands over tokens until the input ends.
func (k *Keys) read(in io.Reader) {
	defer close(k.tokens)
	if !k.single {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			k.tokens <- token{strings.TrimSpace(lines.Text()), time.Now()}
		}
		return
	}
	buffer, rest := make([]byte, 64), ""
	for {
		n, err := in.Read(buffer)
		if err != nil {
			return
		}
		rest += string(buffer[:n])
		for key := ""; ; {
			if key, rest = cutKey(rest); key == "" {
				break
			}
			k.tokens <- token{key, time.Now()}
		}
	}
}

// cutKey cuts the first key off what a terminal sent; "" is a letter that has not arrived
// whole. A key is a letter or an escape sequence: ESC [ parameters letter, or ESC O letter
// (ECMA-48). An escape sequence arrives in one piece, so an ESC at the end is the key itself.
func cutKey(text string) (key, rest string) {
	if strings.HasPrefix(text, "\x1b[") {
		if end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' }); end >= 0 {
			return text[:end+3], text[end+3:]
		}
		return text, ""
	}
	if strings.HasPrefix(text, "\x1bO") && len(text) > 2 {
		return text[:3], text[3:]
	}
	if !utf8.FullRuneInString(text) {
		return "", text
	}
	_, n := utf8.DecodeRuneInString(text)
	return text[:n], text[n:]
}

// Forget drops what was typed until now: an impatient Enter is not meant for the next screen.
// Lines from a pipe are a plan, and stay.
func (k *Keys) Forget() {
	if k.single {
		k.deaf = time.Now()
	}
}

// Next waits for the next request, or until tick is over; 0 is no limit. The end of the
// input asks to quit.
func (k *Keys) Next(ctx context.Context, tick time.Duration) (string, error) {
	var over <-chan time.Time
	if tick > 0 && k.single {
		timer := time.NewTimer(tick)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-over:
			return Tick, nil
		case s := <-k.woken:
			if s == unix.SIGCONT { // a shell has had the terminal meanwhile
				if err := k.cbreak(); err != nil {
					return "", err
				}
			}
			return Resized, nil
		case t, ok := <-k.tokens:
			if !ok {
				return Quit, nil
			}
			if t.at.Before(k.deaf) {
				continue
			}
			if key := k.take(t.text); key != "" {
				return key, nil
			}
		}
	}
}

// take is what a token asks for; "" is nothing.
func (k *Keys) take(text string) string {
	meaning, known := meanings[text]
	if !k.single {
		if known {
			return meaning
		}
		return text
	}
	number := k.Typed
	switch {
	case len(text) == 1 && strings.Contains("0123456789.", text):
		if len(number) < 8 {
			k.Typed += text
		}
		return Typing
	case number != "" && (text == "\x7f" || text == "\b"):
		k.Typed = number[:len(number)-1]
		return Typing
	case number != "" && text == "\x1b":
		k.Typed = ""
		return Typing
	case number != "" && (text == "\r" || text == "\n"):
		k.Typed = ""
		return number
	case known && text != "":
		k.Typed = ""
		return meaning
	}
	return ""
}
