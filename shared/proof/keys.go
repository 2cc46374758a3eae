package proof

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// What a key asks for. Anything else is where to jump: "3", "1.3", "orphan".
const (
	keyNext   = "next"
	keyBack   = "back"
	keyRepeat = "repeat"
	keyQuit   = "quit"
	keyHelp   = "help"
)

// meanings holds the keys themselves, what a presenter's remote control sends, and the
// same keys of a Russian layout that was left on.
var meanings = map[string]string{
	"": keyNext, "\n": keyNext, "\r": keyNext, " ": keyNext, "n": keyNext, "т": keyNext,
	"\x1b[C": keyNext, "\x1b[B": keyNext, "\x1b[6~": keyNext,
	"b": keyBack, "и": keyBack, "\x1b[D": keyBack, "\x1b[A": keyBack, "\x1b[5~": keyBack,
	"r": keyRepeat, "к": keyRepeat,
	"q": keyQuit, "й": keyQuit, "\x04": keyQuit,
	"?": keyHelp, "h": keyHelp, "р": keyHelp,
}

// keys reads what the lecturer wants.
type keys struct {
	tokens chan string // from a terminal: keys; from a pipe: lines
	single bool        // tokens are keys
	echo   func(string)
}

// newKeys reads keys from a terminal, lines from anything else. restore puts the terminal
// back as it was.
func newKeys(in *os.File, echo func(string)) (k *keys, restore func(), err error) {
	k = &keys{tokens: make(chan string), echo: echo, single: term.IsTerminal(int(in.Fd()))}
	restore = func() {}
	if k.single {
		if restore, err = singleKeys(int(in.Fd())); err != nil {
			return nil, nil, err
		}
	}
	go k.read(in)
	return k, restore, nil
}

// singleKeys has the terminal hand over each key at once, unechoed (termios(3)). Unlike
// raw mode this leaves Ctrl-C a signal and a newline a newline.
func singleKeys(fd int) (restore func(), err error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("tcgetattr: %w", err)
	}
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("tcgetattr: %w", err)
	}
	settings.Lflag &^= unix.ICANON | unix.ECHO
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, settings); err != nil {
		return nil, fmt.Errorf("tcsetattr: %w", err)
	}
	return func() { term.Restore(fd, before) }, nil
}

// read hands over tokens until the input ends.
func (k *keys) read(in io.Reader) {
	defer close(k.tokens)
	if !k.single {
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			k.tokens <- strings.TrimSpace(lines.Text())
		}
		return
	}
	buffer := make([]byte, 64)
	for {
		n, err := in.Read(buffer)
		if err != nil {
			return
		}
		typed := string(buffer[:n])
		if strings.HasPrefix(typed, "\x1b") { // one read is one key: an escape sequence
			k.tokens <- typed
			continue
		}
		for _, r := range typed {
			k.tokens <- string(r)
		}
	}
}

// next waits for the next request. The end of the input asks to quit.
func (k *keys) next(ctx context.Context) (string, error) {
	number := ""
	for {
		var token string
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case t, ok := <-k.tokens:
			if !ok {
				return keyQuit, nil
			}
			token = t
		}
		meaning, known := meanings[token]
		switch {
		case !k.single && known:
			return meaning, nil
		case !k.single:
			return token, nil
		case strings.ContainsAny(token, "0123456789.") && len(token) == 1:
			number += token
			k.echo(token)
		case number != "" && (token == "\x7f" || token == "\b"):
			number = number[:len(number)-1]
			k.echo("\b \b")
		case number != "" && meaning == keyNext:
			return number, nil
		case known && token != "":
			return meaning, nil
		}
	}
}
