// Package explain says why the kernel probably refused a call, and which proof of the course
// shows it. A call answers with one number for many reasons: EINVAL from pivot_root(2) has
// six. The table holds those that a writer of container runtimes meets, the likeliest first.
//
// Plumbing, never taught.
package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Cause is one reason for one answer of the kernel.
type Cause struct {
	Call   string     // as its manual page is called: "pivot_root"
	Errno  unix.Errno // what the kernel answered
	En, Ru string     // the likely reason, and the mend
	Proof  string     // "03:pivot-refuses", the proof that shows it; "" where none does
}

// In is the reason in a language, "ru" or any other.
func (c Cause) In(lang string) string {
	if lang == "ru" {
		return c.Ru
	}
	return c.En
}

// Find returns the reasons for an answer. call may be "", which is any call; errno may be 0,
// which is any errno.
func Find(call string, errno unix.Errno) []Cause {
	return slices.DeleteFunc(slices.Clone(table), func(c Cause) bool {
		return call != "" && c.Call != call || errno != 0 && c.Errno != errno
	})
}

// Calls are the calls that the table knows, sorted.
func Calls() []string {
	var names []string
	for _, c := range table {
		names = append(names, c.Call)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Error returns the reasons for an error that spells its call and keeps its errno, as all of
// the course's do. None for an error that did not come from the kernel.
func Error(err error) []Cause {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	return Text(err.Error(), errno)
}

// Text is Error for an error of which only the text and the errno have come here.
func Text(text string, errno unix.Errno) []Cause {
	call := callIn(text)
	if call == "" || errno == 0 {
		return nil
	}
	return Find(call, errno)
}

// words are what may be the names of calls, of errnos, or of files that are written to. (By
// hand: a regular expression would be compiled at each start of mydocker.)
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) })
}

func inWord(r rune) bool {
	return r == '_' || r == '.' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// callIn finds the call that an error names. The last one is the one that failed: an error is
// wrapped from the outside.
func callIn(text string) (call string) {
	known := Calls()
	for _, w := range words(text) {
		if name := canonical(strings.ToLower(w)); slices.Contains(known, name) {
			call = name
		}
	}
	return call
}

// Parse reads what a person typed or pasted: "pivot_root EINVAL", or a whole line such as
// `pivot_root(".", "."): invalid argument`.
func Parse(text string) (call string, errno unix.Errno, err error) {
	call = callIn(text)
	for _, w := range words(text) {
		if e := errnoNamed(strings.ToUpper(w)); e != 0 {
			errno = e
		}
	}
	if errno == 0 {
		errno = errnoSaid(strings.ToLower(text))
	}
	if call == "" && errno == 0 {
		return "", 0, fmt.Errorf("%q names no call and no errno that is in the table", text)
	}
	return call, errno, nil
}

// The kernel's errno are below 134 on each architecture that Linux runs on, but for a few
// that no call of ours returns.
const lastErrno = 133

func errnoNamed(name string) unix.Errno {
	for e := unix.Errno(1); e <= lastErrno; e++ {
		if unix.ErrnoName(e) == name {
			return e
		}
	}
	return 0
}

// errnoSaid finds the longest of the texts that strerror(3) has: "no such file or directory"
// must not be taken for another that is a part of it.
func errnoSaid(text string) (found unix.Errno) {
	longest := 0
	for e := unix.Errno(1); e <= lastErrno; e++ {
		if said := e.Error(); unix.ErrnoName(e) != "" && len(said) > longest && strings.Contains(text, said) {
			found, longest = e, len(said)
		}
	}
	return found
}
