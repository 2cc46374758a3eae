package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/console"
	"mydocker.example/shared/undo"
)

// A person's terminal, and the container's: -t. While the command runs, ours is raw, and what
// a key means is for the container's to say: Ctrl-C is a byte on its way to the master.

// showTerminal carries between a container's terminal and ours: stdin, or nil when nothing is
// typed, and to the writer. It makes ours raw and follows its size if it is one. finish is
// for when the command has ended, and puts ours back.
func showTerminal(master, stdin, stdout *os.File, to io.Writer) (finish func() error, err error) {
	var u undo.Stack
	u.Push(master.Close)
	if stdin != nil && console.IsTerminal(stdin) {
		restore, err := console.Raw(stdin)
		if err != nil {
			return nil, errors.Join(err, u.Run())
		}
		u.Push(func() error { restore(); return nil })
	}
	for _, ours := range []*os.File{stdin, stdout} {
		if ours != nil && console.IsTerminal(ours) {
			stop := console.Follow(ours, master)
			u.Push(func() error { stop(); return nil })
			break
		}
	}
	relay, err := console.NewRelay(master, stdin, to)
	if err != nil {
		return nil, errors.Join(err, u.Run())
	}
	u.Push(relay.Finish)
	return u.Release(), nil
}

// terminalSize is that of our terminal; zero: there is none.
func terminalSize(ours ...*os.File) unix.Winsize {
	for _, f := range ours {
		if f == nil {
			continue
		}
		if size, err := console.Size(f); err == nil {
			return size
		}
	}
	return unix.Winsize{}
}
