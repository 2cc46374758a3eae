// Package caps is which parts of root's power a thread has: sets of capabilities with names
// (capabilities(7)), and the order in which they are given up.
//
// Lesson 06 teaches it: there every prctl(2) and capset(2) is shown raw, in its own files.
// What this version adds: names are read as people write them, and one that is unknown is
// refused together with the nearest that is known; docker's meaning of --cap-add and
// --cap-drop; a thread that may not give up what it should is told so, where the library
// underneath says nothing; and the drop looks at the kernel afterwards.
//
//	set.go     sets and names                 no kernel, no root
//	docker.go  docker's default, add and drop no kernel, no root
//	thread.go  the calling thread             the drop, no_new_privs
package caps

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/syndtr/gocapability/capability"
)

// A Set is capabilities as the kernel writes them in /proc/PID/status: bit n is capability n.
type Set uint64

// Of is the set of these capabilities: Of(unix.CAP_CHOWN, unix.CAP_KILL).
func Of(capabilities ...int) (s Set) {
	for _, c := range capabilities {
		s |= 1 << c
	}
	return s
}

// Has says whether a capability is in the set.
func (s Set) Has(capability int) bool { return s>>capability&1 == 1 }

// Len is how many there are.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Hex is the set as /proc/PID/status shows it.
func (s Set) Hex() string { return fmt.Sprintf("%016x", uint64(s)) }

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
	if known := capability.Cap(n).String(); known != "unknown" {
		return "CAP_" + strings.ToUpper(known)
	}
	return strconv.Itoa(n)
}

// all are the capabilities that have names.
var all = func() (s Set) {
	for _, c := range capability.List() {
		s |= Of(int(c))
	}
	return s
}()

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
	if s, ok := byName[bare]; ok {
		return s, nil
	}
	nearest, distance := "ALL", edits(bare, "ALL")
	for _, known := range all.Names() {
		known = strings.TrimPrefix(known, "CAP_")
		if d := edits(bare, known); d < distance {
			nearest, distance = known, d
		}
	}
	return 0, &UnknownError{word, nearest}
}

var byName = func() map[string]Set {
	m := map[string]Set{}
	for _, c := range capability.List() {
		m[strings.ToUpper(c.String())] = Of(int(c))
	}
	return m
}()

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

// Sets are the five sets of a thread, by the kernel's names for them.
type Sets struct{ Inheritable, Permitted, Effective, Bounding, Ambient Set }

// ParseStatus finds the five sets in a /proc/PID/status.
func ParseStatus(r io.Reader) (s Sets, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Sets{}, err
	}
	wanted := map[string]*Set{
		"CapInh": &s.Inheritable, "CapPrm": &s.Permitted, "CapEff": &s.Effective, "CapBnd": &s.Bounding, "CapAmb": &s.Ambient,
	}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(line, ":")
		set, ok := wanted[field]
		if !ok {
			continue
		}
		v, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return Sets{}, fmt.Errorf("%s: %w", field, err)
		}
		*set = Set(v)
		delete(wanted, field)
	}
	if len(wanted) > 0 {
		return Sets{}, fmt.Errorf("a status without %d of the five sets", len(wanted))
	}
	return s, nil
}

// Proc is where procfs is mounted, unless a caller knows better.
const Proc = "/proc"

// OfProcess reads the sets of a process: those of its first thread.
func OfProcess(proc string, pid int) (Sets, error) {
	return read(filepath.Join(proc, strconv.Itoa(pid), "status"))
}

func read(path string) (Sets, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sets{}, err
	}
	defer f.Close()
	s, err := ParseStatus(f)
	if err != nil {
		return Sets{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Known are the capabilities that the running kernel knows.
func Known(proc string) (Set, error) {
	path := filepath.Join(proc, "sys/kernel/cap_last_cap")
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	last, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 6)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return 1<<(last+1) - 1, nil
}
