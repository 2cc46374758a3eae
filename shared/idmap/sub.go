package idmap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
)

// The files of subordinate ids (subuid(5), subgid(5)).
const (
	SubUID = "/etc/subuid"
	SubGID = "/etc/subgid"
)

// ErrNotOwned: a map takes ids that are not the user's.
var ErrNotOwned = errors.New("are not this user's")

// A Range is ids that a user may map.
type Range struct{ First, Size uint32 }

// Owned reads the ranges of a user from a file of subordinate ids and adds the user's own
// id. A file that does not exist gives nobody anything.
func Owned(path, name string, uid, own uint32) ([]Range, error) {
	ranges := []Range{{own, 1}}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ranges, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	more, err := ParseSub(f, name, uid)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return append(ranges, more...), nil
}

// ParseSub finds a user's lines, name:first:size; the name may also be the number uid.
func ParseSub(r io.Reader, name string, uid uint32) ([]Range, error) {
	var ranges []Range
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) != 3 || (fields[0] != name && fields[0] != strconv.FormatUint(uint64(uid), 10)) {
			continue // newuidmap passes over what it does not understand, and so do we
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 32)
		size, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		ranges = append(ranges, Range{uint32(first), uint32(size)})
	}
	return ranges, lines.Err()
}

// CheckOwned says which line of a map takes ids that are in none of the ranges.
func (m Map) CheckOwned(ranges []Range) error {
	sorted := append([]Range(nil), ranges...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].First < sorted[j].First })
	for _, l := range m {
		// Ranges may touch: walk through them as long as one begins where we are.
		at, end := uint64(l.Outside), uint64(l.Outside)+uint64(l.Size)
		for _, r := range sorted {
			if uint64(r.First) <= at && at < uint64(r.First)+uint64(r.Size) {
				at = uint64(r.First) + uint64(r.Size)
			}
		}
		if at < end {
			return fmt.Errorf("%s: the ids from %d to %d of the host %w", l, at, end-1, ErrNotOwned)
		}
	}
	return nil
}
