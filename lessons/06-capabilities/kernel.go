package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the kernel says of a thread. Every other file of this lesson asks its questions
// through these few functions.

// parseStatus finds one field of a /proc/PID/status: lines of "Name:\tvalue".
func parseStatus(r io.Reader, field string) (string, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && name == field {
			return strings.Join(strings.Fields(value), " "), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no field %s", field)
}

// mine is one field of the calling thread's own status (proc_pid_status(5)). Capabilities and
// filters belong to a thread: /proc/self would be the first thread's.
func mine(field string) string {
	f, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return answer(err)
	}
	defer f.Close()
	return said(parseStatus(f, field))
}

// onThread runs do on a thread of its own. What do gives up there nobody gets back, so the
// thread is never unlocked: Go ends it together with the goroutine.
func onThread(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- do()
	}()
	return <-done
}

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

// lastCap is the highest capability that this kernel knows.
func lastCap() (int, error) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// everything is a set with all that this kernel knows, as status shows it.
func everything() string {
	last, err := lastCap()
	if err != nil {
		return answer(err)
	}
	return hex(1<<(last+1) - 1)
}

// hex is a set as status shows it.
func hex(set uint64) string { return fmt.Sprintf("%016x", set) }

const nothing = "0000000000000000"

// student is the lab's ordinary user.
func student() (*syscall.Credential, error) {
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
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
