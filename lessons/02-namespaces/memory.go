package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Where another process keeps what it knows.

// A region is a stretch of a process's memory.
type region struct{ start, end uint64 }

// parseMaps finds the memory that a process may write to in a /proc/PID/maps, lines such as
// "55d0c2a00000-55d0c2a21000 rw-p 00000000 00:00 0   [heap]" (proc_pid_maps(5)).
func parseMaps(r io.Reader) ([]region, error) {
	var found []region
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var at region
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &at.start, &at.end, &mode); err != nil {
			return nil, fmt.Errorf("not a maps line: %q: %w", lines.Text(), err)
		}
		if strings.HasPrefix(mode, "rw") {
			found = append(found, at)
		}
	}
	return found, lines.Err()
}

// writable reads the regions of a process that it may write to itself.
func writable(pid int) ([]region, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseMaps(f)
}

// addresses are all the places in a process's memory where word stands. read fetches a
// stretch of it, in whatever way the attack has chosen.
func addresses(regions []region, word string, read func(at uint64, into []byte) error) ([]uint64, error) {
	var found []uint64
	for _, at := range regions {
		memory := make([]byte, at.end-at.start)
		if err := read(at.start, memory); err != nil {
			return nil, err
		}
		for from := 0; ; {
			i := bytes.Index(memory[from:], []byte(word))
			if i < 0 {
				break
			}
			found = append(found, at.start+uint64(from+i))
			from += i + len(word)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no %q in its memory", word)
	}
	return found, nil
}

// vmRead reads another process's memory in one system call (process_vm_readv(2)).
func vmRead(pid int) func(at uint64, into []byte) error {
	return func(at uint64, into []byte) error {
		local := []unix.Iovec{{Base: &into[0]}}
		local[0].SetLen(len(into))
		remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(into)}}
		n, err := unix.ProcessVMReadv(pid, local, remote, 0)
		if err != nil {
			return fmt.Errorf("process_vm_readv(%d): %w", pid, err)
		}
		if n < len(into) {
			return fmt.Errorf("process_vm_readv(%d): %d of %d bytes", pid, n, len(into))
		}
		return nil
	}
}
