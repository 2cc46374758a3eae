// mutant: task=owned diagnosis=created
// A line is looked at where it begins, and not where it ends.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Maps as data (user_namespaces(7)). Nothing in this file asks the kernel anything: to a map
// that is wrong it says EINVAL or EPERM, and never which line of it, or why.

// An IDMap is a line of uid_map or gid_map: Size ids from Container on are, outside, the ids
// from Host on.
type IDMap struct {
	Container uint32 `json:"container"`
	Host      uint32 `json:"host"`
	Size      uint32 `json:"size"`
}

func (m IDMap) String() string { return fmt.Sprintf("%d:%d:%d", m.Container, m.Host, m.Size) }

// parseIDMap reads container:host:size.
func parseIDMap(text string) (IDMap, error) {
	// homework: parse
	// TODO: Three decimal numbers (strconv.ParseUint, 32 bits), with two colons between them.
	// An error names the text.
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		return IDMap{}, fmt.Errorf("%q is not container:host:size", text)
	}
	var n [3]uint32
	for i, field := range fields {
		v, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return IDMap{}, fmt.Errorf("%q: %q is no id", text, field)
		}
		n[i] = uint32(v)
	}
	return IDMap{n[0], n[1], n[2]}, nil
	// end
}

// checkMap says what is wrong with a map, and in which line of it.
func checkMap(lines []IDMap) error {
	// homework: parse
	// TODO: A line of size 0. A line that goes beyond 4294967294 on either side: the last
	// number of 32 bits is no id, it means "leave as it is" (setreuid(2)). Two lines that have
	// an id in common, in the container or on the host. No line with the container's 0.
	root := false
	for i, l := range lines {
		if l.Size == 0 {
			return fmt.Errorf("%s is empty: it maps no id", l)
		}
		if uint64(l.Container)+uint64(l.Size) > math.MaxUint32 || uint64(l.Host)+uint64(l.Size) > math.MaxUint32 {
			return fmt.Errorf("%s goes beyond the last id, %d", l, uint32(math.MaxUint32-1))
		}
		for _, k := range lines[:i] {
			if meet(k.Container, k.Size, l.Container, l.Size) {
				return fmt.Errorf("%s and %s overlap in the container, at %d", k, l, max(k.Container, l.Container))
			}
			if meet(k.Host, k.Size, l.Host, l.Size) {
				return fmt.Errorf("%s and %s overlap on the host, at %d", k, l, max(k.Host, l.Host))
			}
		}
		root = root || l.Container == 0
	}
	if !root {
		return errors.New("no line maps 0: the container would have no root")
	}
	return nil
	// end
}

// meet: have two ranges an id in common?
func meet(a, sizeA, b, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

// toHost is the host's number for one of the container's; false: it has none.
func toHost(lines []IDMap, id uint32) (uint32, bool) {
	for _, l := range lines {
		if id >= l.Container && id-l.Container < l.Size {
			return l.Host + (id - l.Container), true
		}
	}
	return 0, false
}

// toContainer is the container's number for one of the host's.
func toContainer(lines []IDMap, id uint32) (uint32, bool) {
	for _, l := range lines {
		if id >= l.Host && id-l.Host < l.Size {
			return l.Container + (id - l.Host), true
		}
	}
	return 0, false
}

// An idRange is ids of the host that a user may give away.
type idRange struct{ first, size uint32 }

// subordinate reads a user's ranges from /etc/subuid or /etc/subgid. Without the file nobody
// has any.
func subordinate(path, name string) ([]idRange, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ranges, err := parseSubordinate(f, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ranges, nil
}

// parseSubordinate finds a user's lines, name:first:size (subuid(5)).
func parseSubordinate(r io.Reader, name string) (ranges []idRange, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(fields) != 3 || fields[0] != name {
			continue
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 32)
		size, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		ranges = append(ranges, idRange{uint32(first), uint32(size)})
	}
	return ranges, lines.Err()
}

// checkOwned says which ids of a map are not the user's to give.
func checkOwned(lines []IDMap, owned []idRange) error {
	// homework: owned
	// TODO: Each id from Host on, Size of them, has to be in one of the ranges. Ranges may
	// touch, and a line may begin in one and end in the next.
	sorted := slices.Clone(owned)
	slices.SortFunc(sorted, func(a, b idRange) int { return int(int64(a.first) - int64(b.first)) })
	for _, l := range lines {
		at, end := uint64(l.Host), uint64(l.Host)+uint64(l.Size)
		for _, r := range sorted {
			if uint64(r.first) <= at && at < uint64(r.first)+uint64(r.size) {
				at = uint64(r.first) + uint64(r.size)
			}
		}
		if at == uint64(l.Host) {
			return fmt.Errorf("%s: the ids from %d to %d of the host are not yours to give", l, at, end-1)
		}
	}
	return nil
	// end
}

// everything maps all that a user owns: first to last become 0, 1, 2 and so on.
func everything(owned []idRange) (lines []IDMap) {
	next := uint32(0)
	for _, r := range owned {
		if r.size > 0 {
			lines = append(lines, IDMap{next, r.first, r.size})
			next += r.size
		}
	}
	return lines
}
