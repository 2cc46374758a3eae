package caps

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Names are the capabilities in the kernel's order, as capabilities(7) writes them; one for
// which this library knows no name yet is its number.
func (s Set) Names() (names []string) {
	for n := range 64 {
		if s.Has(n) {
			names = append(names, name(n))
		}
	}
	return names
}

// String is the names, separated by commas.
func (s Set) String() string { return strings.Join(s.Names(), ",") }

func name(n int) string {
	if n < len(known) {
		return "CAP_" + known[n]
	}
	return strconv.Itoa(n)
}

// known are the kernel's names in the kernel's order (linux/capability.h).
var known = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// all are the capabilities that have names.
const all = Set(1<<len(known) - 1)

// ErrUnknown is what an unknown name is refused with.
var ErrUnknown = errors.New("no such capability")

// An UnknownError names the word that was not understood, and the nearest that would be.
type UnknownError struct{ Word, Nearest string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("%q: %v; did you mean %s?", e.Word, ErrUnknown, e.Nearest)
}

// Is makes errors.Is(err, ErrUnknown) true.
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// Parse reads one name as people write it: NET_RAW, CAP_NET_RAW, cap_net_raw; ALL is every
// capability that has a name.
func Parse(word string) (Set, error) {
	bare := strings.TrimPrefix(strings.ToUpper(word), "CAP_")
	if bare == "ALL" {
		return all, nil
	}
	if n := slices.Index(known[:], bare); n >= 0 {
		return Of(n), nil
	}
	nearest, distance := "ALL", edits(bare, "ALL")
	for _, name := range known {
		if d := edits(bare, name); d < distance {
			nearest, distance = name, d
		}
	}
	return 0, &UnknownError{word, nearest}
}

// edits counts the letters that must be put in, taken out or exchanged to make b from a
// (Levenshtein's distance). It keeps one row of the table.
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
