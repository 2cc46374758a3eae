package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/internal/locale"
)

// Advice is a line about an error from the kernel, in the reader's language: its likely cause,
// and the proof that shows it. "" for any other error, and where the table knows nothing: a
// wrong cause is worse than none. It is for the end of a program that has failed, and costs
// nothing before.
func Advice(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\n")          // of several errors that were joined, the first; the others came of it
	for _, call := range slices.Backward(spelled(text)) { // wrapped from the outside: the last has failed
		if causes := Find(call, errno); len(causes) > 0 {
			return causes[0].line(locale.Lang())
		}
	}
	return ""
}

func (c Cause) line(lang string) string {
	likely, proof := "likely cause: %s", " Proof %s shows it: ONLY=%[1]s make lesson-%s"
	if lang == "ru" {
		likely, proof = "вероятная причина: %s", " Это показывает доказательство %s: ONLY=%[1]s make lesson-%s"
	}
	text := fmt.Sprintf(likely, c.In(lang))
	if number, id, ok := strings.Cut(c.Proof, ":"); ok {
		text += fmt.Sprintf(proof, id, number)
	}
	return text
}

// spelled are the calls that an error spells as calls, in their order:
//
//	pivot_root(".", "."): …                  as we do
//	open /etc/shadow: …, listen …: bind: …   as the standard library does
//	write("/sys/fs/cgroup/a/cgroup.procs")   a file that stands for the write(2) to it
//
// A name alone is none: a container and a program may be called mount.
func spelled(text string) (calls []string) {
	known := Calls()
	for at := 0; at < len(text); {
		if !inWord(rune(text[at])) {
			at++
			continue
		}
		end := at
		for end < len(text) && inWord(rune(text[end])) {
			end++
		}
		name, before, after := canonical(text[at:end]), text[:at], text[end:]
		first := before == "" || strings.HasSuffix(before, ": ")
		file := strings.HasSuffix(before, "/") && !strings.HasPrefix(after, "/")
		switch {
		case !slices.Contains(known, name):
		case isFile(name) && (file || strings.HasPrefix(after, "(")),
			!isFile(name) && strings.HasPrefix(after, "("),
			!isFile(name) && first && (strings.HasPrefix(after, " ") || strings.HasPrefix(after, ":")):
			calls = append(calls, name)
		}
		at = end
	}
	if _, path, ok := strings.Cut(text, "fork/exec "); ok { // os/exec does not say which of the two
		if strings.HasPrefix(path, "/proc/self/") { // ourselves: that is there, and can be executed
			return append(calls, "execve", "clone")
		}
		return append(calls, "clone", "execve")
	}
	return calls
}

// isFile is true of a name in the table that is a file's: the write(2) to it has failed.
func isFile(name string) bool { return strings.Contains(name, ".") || strings.HasSuffix(name, "_map") }

// canonical is the call that fails for the same reasons, and stands in the table. (A switch: a
// map would be made at each start of mydocker.)
func canonical(call string) string {
	switch call {
	case "clone3":
		return "clone"
	case "umount":
		return "umount2"
	case "pidfd_send_signal":
		return "kill"
	case "setresgid", "setuid", "setgid":
		return "setresuid"
	case "openat":
		return "open"
	}
	return call
}
