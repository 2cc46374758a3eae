package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Process names one process for ever. Its PID alone does not: the kernel gives a number
// out again, and after a reboot it counts anew.
type Process struct {
	PID       int    `json:"pid,omitempty"`
	StartTime uint64 `json:"start_time,omitempty"` // field 22 of /proc/PID/stat
	BootID    string `json:"boot_id,omitempty"`    // /proc/sys/kernel/random/boot_id
}

// A State is docker's word for how it stands with a container.
type State string

const (
	Created State = "created" // recorded, never started
	Running State = "running"
	Exited  State = "exited"
)

// ErrNotRunning is returned by Signal, wrapped, when the process is no more.
var ErrNotRunning = errors.New("the container is not running")

// State asks the kernel how it stands with a container. A record cannot know: when mydocker
// is killed nobody is left to write that the container died with it.
func (s Store) State(r Record) (State, error) {
	if r.ExitCode != nil {
		return Exited, nil
	}
	if r.PID == 0 {
		return Created, nil
	}
	lives, err := s.lives(r.Process)
	if err != nil {
		return "", err
	}
	if !lives {
		return Exited, nil
	}
	return Running, nil
}

// Identify asks the kernel for all that names the process pid. To be sure whose PID it is,
// call it before the process can have been waited for.
func (s Store) Identify(pid int) (Process, error) {
	st, err := s.stat(pid)
	if err != nil {
		return Process{}, err
	}
	boot, err := s.bootID()
	if err != nil {
		return Process{}, err
	}
	return Process{PID: pid, StartTime: st.start, BootID: boot}, nil
}

// Signal sends sig to the process of a container, and to nobody else. The pidfd is opened
// first and the process looked at then: what we look at and what we hit are the same.
func (s Store) Signal(r Record, sig unix.Signal) error {
	if r.PID == 0 || r.ExitCode != nil {
		return fmt.Errorf("%w: %s", ErrNotRunning, r.ID)
	}
	fd, err := unix.PidfdOpen(r.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("%w: %s", ErrNotRunning, r.ID)
	}
	if err != nil {
		return fmt.Errorf("pidfd_open(%d): %w", r.PID, err)
	}
	defer unix.Close(fd)
	lives, err := s.lives(r.Process)
	if err != nil {
		return err
	}
	if !lives {
		return fmt.Errorf("%w: %s", ErrNotRunning, r.ID)
	}
	err = unix.PidfdSendSignal(fd, sig, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("%w: %s", ErrNotRunning, r.ID)
	}
	if err != nil {
		return fmt.Errorf("pidfd_send_signal(%d, %v): %w", r.PID, sig, err)
	}
	return nil
}

// lives is true as long as exactly this process runs.
func (s Store) lives(p Process) (bool, error) {
	boot, err := s.bootID()
	if err != nil || boot != p.BootID {
		return false, err
	}
	st, err := s.stat(p.PID)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) { // ESRCH: gone between open and read
		return false, nil
	}
	if err != nil {
		return false, err
	}
	dead := st.state == 'Z' || st.state == 'X' // only waits for its parent's wait(2)
	return st.start == p.StartTime && !dead, nil
}

func (s Store) proc(elem ...string) string {
	root := s.Proc
	if root == "" {
		root = "/proc"
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

func (s Store) bootID() (string, error) {
	id, err := os.ReadFile(s.proc("sys/kernel/random/boot_id"))
	return string(bytes.TrimSpace(id)), err
}

type stat struct {
	state byte
	start uint64
}

func (s Store) stat(pid int) (stat, error) {
	line, err := os.ReadFile(s.proc(strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(line))
}

// parseStat reads fields 3 and 22 of /proc/PID/stat (proc_pid_stat(5)). Field 2 is a name
// in parentheses that may hold anything, so the fields are counted from the last one.
func parseStat(line string) (stat, error) {
	i := strings.LastIndex(line, ") ")
	if i < 0 {
		return stat{}, fmt.Errorf("not a line of /proc/PID/stat: %q", line)
	}
	fields := strings.Fields(line[i+2:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("not a line of /proc/PID/stat: %q", line)
	}
	start, err := strconv.ParseUint(fields[22-3], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("field 22 of /proc/PID/stat: %w", err)
	}
	return stat{state: fields[0][0], start: start}, nil
}
