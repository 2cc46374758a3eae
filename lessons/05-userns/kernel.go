package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the kernel says of a process, of its maps and of the owners of files. Every other
// file of this lesson asks its questions through these few functions.

// parseStatus finds one field of a /proc/PID/status: lines of "Name:\tvalue".
func parseStatus(r io.Reader, field string) (string, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && name == field {
			return strings.TrimSpace(value), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no field %s", field)
}

// status reads one field of /proc/PID/status (proc_pid_status(5)); pid may be "self".
func status(pid, field string) (string, error) {
	f, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		return "", err
	}
	defer f.Close()
	return parseStatus(f, field)
}

// uidOf is the real user id of a process, as seen from where we are: the first of the four
// numbers in the line Uid.
func uidOf(pid int) string {
	ids, err := status(strconv.Itoa(pid), "Uid")
	if err != nil {
		return answer(err)
	}
	return strings.Fields(ids)[0]
}

// read is the text of a file of /proc, blanks and lines made plain: "0 1000 1, 1 100000 65535".
func read(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return plain(string(text)), nil
}

func plain(text string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, ", ")
}

// ownerOf is the owner of a file as the caller's user namespace names it: "0 0".
func ownerOf(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", fmt.Errorf("lstat(%q): %w", path, err)
	}
	return fmt.Sprintf("%d %d", st.Uid, st.Gid), nil
}

// owner is ownerOf for a fact: the errno stands in for the answer.
func owner(path string) string { return said(ownerOf(path)) }

// said is what a question was answered with: the text, or the errno in its place.
func said(text string, err error) string {
	if err != nil {
		return answer(err)
	}
	return text
}

// answer turns what a system call returned into the text of a fact: "ok", or the name of
// the errno. This lesson is full of calls that are meant to fail.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// full says whether a CapEff has every capability that this kernel knows.
func full(capEff string) bool {
	have, err := strconv.ParseUint(capEff, 16, 64)
	last, err2 := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil || err2 != nil {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(last)))
	return err == nil && have == 1<<(n+1)-1
}

// student is the lab's ordinary user, with no groups but its own and those given.
func student(groups ...uint32) (*syscall.Credential, error) {
	u, err := user.Lookup("student")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}, nil
}
