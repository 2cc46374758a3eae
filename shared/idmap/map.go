// Package idmap is which users of a user namespace are which users outside: the lines of
// uid_map and gid_map (user_namespaces(7)), and mounts that translate the owners of files.
//
// Lesson 05 teaches it: there every write and every call is shown raw, in its own files.
// What this version adds: a map is checked before anything is created, and what is wrong
// with it is told by name, where the kernel says EINVAL or EPERM to everything; what a user
// owns in /etc/subuid is known before newuidmap is asked; and the map is written in the one
// order that an ordinary user is allowed.
//
//	map.go    a map as data: text, checks, translation    no kernel, no root
//	sub.go    what a user may map: /etc/subuid            no kernel, no root
//	apply.go  a map for a process that waits for it
//	mount.go  idmapped mounts
package idmap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"syscall"
)

// A Line maps Size ids: Inside, Inside+1, … in the user namespace are Outside, Outside+1, …
// outside of it.
type Line struct{ Inside, Outside, Size uint32 }

// A Map is the lines of one uid_map or gid_map.
type Map []Line

// IDs is both maps of a user namespace.
type IDs struct{ UID, GID Map }

// MaxLines is how many lines the kernel takes (user_namespaces(7), since Linux 4.15).
const MaxLines = 340

// page is the smallest there is: a map must be shorter than one, whatever its lines.
const page = 4096

// What can be wrong with a map. Check wraps one of these.
var (
	ErrEmpty   = errors.New("maps nothing")
	ErrRange   = errors.New("goes beyond the last id")
	ErrOverlap = errors.New("overlap")
	ErrLines   = errors.New("too many lines")
	ErrNoRoot  = errors.New("maps no root")
)

// ParseLine reads container:host:size, as it is written on a command line.
func ParseLine(text string) (Line, error) {
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		return Line{}, fmt.Errorf("%q is not container:host:size", text)
	}
	l, err := parse(fields)
	if err != nil {
		return Line{}, fmt.Errorf("%q: %w", text, err)
	}
	return l, nil
}

// String is what ParseLine reads.
func (l Line) String() string { return fmt.Sprintf("%d:%d:%d", l.Inside, l.Outside, l.Size) }

// Parse reads the kernel's own form: three numbers a line, separated by blanks.
func Parse(r io.Reader) (Map, error) {
	var m Map
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			return nil, fmt.Errorf("%q is not three numbers", lines.Text())
		}
		l, err := parse(fields)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		m = append(m, l)
	}
	return m, lines.Err()
}

func parse(fields []string) (Line, error) {
	var n [3]uint32
	for i, field := range fields {
		v, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return Line{}, fmt.Errorf("%q is no id: %w", field, errors.Unwrap(err))
		}
		n[i] = uint32(v)
	}
	return Line{n[0], n[1], n[2]}, nil
}

// Kernel is the text to be written into uid_map or gid_map, in one write(2).
func (m Map) Kernel() string {
	var text strings.Builder
	for _, l := range m {
		fmt.Fprintf(&text, "%d %d %d\n", l.Inside, l.Outside, l.Size)
	}
	return text.String()
}

// SysProc is the map for syscall.SysProcAttr.
func (m Map) SysProc() []syscall.SysProcIDMap {
	var lines []syscall.SysProcIDMap
	for _, l := range m {
		lines = append(lines, syscall.SysProcIDMap{ContainerID: int(l.Inside), HostID: int(l.Outside), Size: int(l.Size)})
	}
	return lines
}

// Check says what the kernel would answer EINVAL to, and which lines are to blame.
func (m Map) Check() error {
	if len(m) == 0 {
		return fmt.Errorf("a map of no lines %w", ErrEmpty)
	}
	if len(m) > MaxLines {
		return fmt.Errorf("%w: %d, the kernel takes %d", ErrLines, len(m), MaxLines)
	}
	if size := len(m.Kernel()); size >= page {
		return fmt.Errorf("%w: %d bytes of them, the kernel takes less than a page", ErrLines, size)
	}
	for i, l := range m {
		if l.Size == 0 {
			return fmt.Errorf("%s %w", l, ErrEmpty)
		}
		// The last id is no id: 4294967295 is (uid_t) -1, "leave as it is" (setreuid(2)).
		if uint64(l.Inside)+uint64(l.Size) > math.MaxUint32 || uint64(l.Outside)+uint64(l.Size) > math.MaxUint32 {
			return fmt.Errorf("%s %w, 4294967294", l, ErrRange)
		}
		for _, k := range m[:i] {
			if meet(k.Inside, k.Size, l.Inside, l.Size) {
				return fmt.Errorf("%s and %s %w in the container, at %d", k, l, ErrOverlap, max(k.Inside, l.Inside))
			}
			if meet(k.Outside, k.Size, l.Outside, l.Size) {
				return fmt.Errorf("%s and %s %w on the host, at %d", k, l, ErrOverlap, max(k.Outside, l.Outside))
			}
		}
	}
	return nil
}

// CheckRoot is Check, and requires that the container has a root.
func (m Map) CheckRoot() error {
	if err := m.Check(); err != nil {
		return err
	}
	if _, ok := m.ToHost(0); !ok {
		return fmt.Errorf("%s %w: 0 of the container is nobody", m, ErrNoRoot)
	}
	return nil
}

// meet: do two ranges have an id in common?
func meet(a, sizeA, b, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

// String is the lines as on a command line, separated by commas.
func (m Map) String() string {
	var lines []string
	for _, l := range m {
		lines = append(lines, l.String())
	}
	return strings.Join(lines, ",")
}

// ToHost translates an id of the container; false: it is not mapped.
func (m Map) ToHost(id uint32) (uint32, bool) {
	for _, l := range m {
		if id >= l.Inside && id-l.Inside < l.Size {
			return l.Outside + (id - l.Inside), true
		}
	}
	return 0, false
}

// ToContainer translates an id of the host; false: it is not mapped, and shows as the
// overflow id.
func (m Map) ToContainer(id uint32) (uint32, bool) {
	for _, l := range m {
		if id >= l.Outside && id-l.Outside < l.Size {
			return l.Inside + (id - l.Outside), true
		}
	}
	return 0, false
}
