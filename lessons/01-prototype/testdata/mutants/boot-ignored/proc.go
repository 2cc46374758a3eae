// mutant: task=dead diagnosis=reboot
// PIDs and start times of the last boot are taken for this one's.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A stat is what /proc/PID/stat says of a process, as far as mydocker asks (proc_pid_stat(5)).
type stat struct {
	State     byte   // field 3: R running, S sleeping, T stopped, Z zombie …
	StartTime uint64 // field 22: clock ticks after boot
}

func parseStat(line string) (stat, error) {
	// Field 2 is the program's name in parentheses. A name may hold spaces and parentheses
	// itself, so the fields are counted from the last one.
	_, rest, ok := cutLast(line, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("not a line of /proc/PID/stat: %q", line)
	}
	start, err := strconv.ParseUint(fields[22-3], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("field 22 of /proc/PID/stat: %w", err)
	}
	return stat{State: fields[0][0], StartTime: start}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func readStat(pid int) (stat, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(line))
}

// readBootID returns what the kernel calls this boot: random, new at every start.
func readBootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(id)), err
}

// identify writes into c what tells the process pid from every other, past and future.
func identify(c *Container, pid int) error {
	st, err := readStat(pid)
	if err != nil {
		return err
	}
	boot, err := readBootID()
	if err != nil {
		return err
	}
	c.PID, c.StartTime, c.BootID = pid, st.StartTime, boot
	return nil
}

// state asks the kernel how it stands with c. The record cannot know: when mydocker is
// killed, nobody is left to write that the container died with it.
func (c Container) state() (string, error) {
	if c.ExitCode != nil {
		return exited, nil
	}
	if c.PID == 0 {
		return created, nil
	}
	st, err := readStat(c.PID)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) { // ESRCH: gone between open and read
		return exited, nil
	}
	if err != nil {
		return "", err
	}
	if st.StartTime != c.StartTime { // the PID has a new owner
		return exited, nil
	}
	if st.State == 'Z' || st.State == 'X' { // ended, and only waits for its parent's wait(2)
		return exited, nil
	}
	return running, nil
}
