// mutant: task=attack diagnosis=shocker also=flags,sets
// Docker before 1.0: a list of what is dropped, and one that was forgotten.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What root of a container may do. The names and the choice are data; below them is what
// the child does to itself, after the mounts, which take CAP_SYS_ADMIN, and before the
// command.

// A CapSet has the capability n if bit n is set: CapEff and its kin in /proc/PID/status.
type CapSet uint64

func (s CapSet) has(capability int) bool { return s>>capability&1 == 1 }

// capNames are the kernel's names in the kernel's order (linux/capability.h).
var capNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

const everyCap = CapSet(1<<41 - 1)

// dockerCaps is what docker leaves root: for its own files, users and ports.
const dockerCaps = CapSet(1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FSETID | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_MKNOD | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID |
	1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_NET_BIND_SERVICE |
	1<<unix.CAP_SYS_CHROOT | 1<<unix.CAP_KILL | 1<<unix.CAP_AUDIT_WRITE)

// parseCap reads a name as people write it: NET_RAW, cap_net_raw; ALL is every one.
func parseCap(word string) (CapSet, error) {
	name := strings.TrimPrefix(strings.ToUpper(word), "CAP_")
	if name == "ALL" {
		return everyCap, nil
	}
	if n := slices.Index(capNames, name); n >= 0 {
		return 1 << n, nil
	}
	return 0, fmt.Errorf("no capability is called %q: did you mean %s?", word, nearestCap(name))
}

// nearestCap is the name from which a word differs least.
func nearestCap(word string) string {
	return slices.MinFunc(append([]string{"ALL"}, capNames...), func(a, b string) int { return edits(word, a) - edits(word, b) })
}

// edits counts the letters that must be put in, taken out or exchanged to make b from a
// (Levenshtein's distance), with one row of the table at a time.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			exchange := diagonal
			if a[i] != b[j] {
				exchange++
			}
			diagonal = row[j+1]
			row[j+1] = min(exchange, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// chooseCaps is docker's meaning of --cap-add and --cap-drop, in whatever order they came.
func chooseCaps(add, drop []string) (CapSet, error) {
	var sets [2]CapSet
	var all [2]bool
	for i, words := range [][]string{add, drop} {
		for _, word := range words {
			one, err := parseCap(word)
			if err != nil {
				return 0, err
			}
			if one == everyCap {
				all[i] = true
			} else {
				sets[i] |= one
			}
		}
	}
	switch {
	case all[0]:
		return everyCap &^ sets[1], nil
	case all[1]:
		return sets[0], nil
	}
	return dockerCaps&^sets[1] | sets[0], nil
}

// startRestricted starts the command with these capabilities and no others, under the filter.
// Privileges belong to a thread, and a process begins with those of the thread that cloned
// it: all of this is one thread's, and that thread ends with it.
func startRestricted(cmd *exec.Cmd, caps CapSet) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: it has given up what the others have
		err := restrict(caps)
		if err == nil {
			if err = cmd.Start(); err != nil {
				err = &startError{command: cmd.Args[0], err: err}
			}
		}
		done <- err
	}()
	return <-done
}

// restrict is the order. no_new_privs, so that a filter may be loaded without CAP_SYS_ADMIN.
// The filter last: what comes after it has to pass it.
func restrict(caps CapSet) error {
	filter, err := assemble(caps)
	if err != nil {
		return err
	}
	// A session keyring of its own; the caller's is inherited like a descriptor. Where keys
	// are not to be had, there is none to inherit.
	unix.KeyctlJoinSessionKeyring("")
	if err := noNewPrivs(); err != nil {
		return err
	}
	if err := limitCaps(caps); err != nil {
		return err
	}
	if err := limitInit(caps); err != nil {
		return err
	}
	return install(filter)
}

// noNewPrivs: no execve(2) gives anything any more, whatever bits or capabilities the file has.
func noNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS, 1): %w", err)
	}
	return nil
}

// limitCaps leaves this thread, and what it starts, these capabilities and no others.
func limitCaps(caps CapSet) error {
	last, err := lastCap()
	if err != nil {
		return err
	}
	for n := range last + 1 {
		if caps.has(n) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
			return fmt.Errorf("prctl(PR_CAPBSET_DROP, %d): %w", n, err)
		}
	}
	header, data := capset(caps)
	if err := unix.Capset(header, &data[0]); err != nil {
		return fmt.Errorf("capset(%x, %x, 0): %w", caps, caps, err)
	}
	return nil
}

// capset is the arguments of capset(2): effective and permitted the same, inheritable empty,
// and ambient with it. PID 0 is the calling thread.
func capset(caps CapSet) (*unix.CapUserHeader, *[2]unix.CapUserData) {
	low, high := uint32(caps), uint32(caps>>32)
	return &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &[2]unix.CapUserData{
		{Effective: low, Permitted: low}, {Effective: high, Permitted: high},
	}
}

// lastCap is the highest capability of this kernel: ALL is no more than that.
func lastCap() (int, error) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
