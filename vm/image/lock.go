package image

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A pkg is one version of a package, and where it was found.
type pkg struct {
	Group   string // what it is wanted for: guest, kernel, qemu, tools
	Name    string
	Version string
	Arch    string // as dpkg says it: amd64, all
	SHA256  string
}

func (p pkg) String() string { return p.Name + "=" + p.Version }

// file is the name under which a package lies in the cache.
func (p pkg) file() string {
	return fmt.Sprintf("%s_%s_%s.deb", p.Name, strings.ReplaceAll(p.Version, ":", "%3a"), p.Arch)
}

// A lock is the list of all packages that an image is made from.
type lock []pkg

const lockHeader = `# The packages that the lab is made from: group, name, version, architecture, sha256.
# LAB_LOCK=update rewrites this file with the newest versions.
`

// parseLock reads a lock file: a package a line, comments after #.
func parseLock(r io.Reader) (lock, error) {
	var l lock
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		if len(f) != 5 {
			return nil, fmt.Errorf("line %d: want group, name, version, architecture, sha256", n)
		}
		l = append(l, pkg{f[0], f[1], f[2], f[3], f[4]})
	}
	return l, lines.Err()
}

// format writes what parseLock reads, sorted.
func (l lock) format(w io.Writer) error {
	sorted := slices.Clone(l)
	slices.SortFunc(sorted, func(a, b pkg) int {
		return slices.Compare([]string{a.Group, a.Name, a.Version}, []string{b.Group, b.Name, b.Version})
	})
	if _, err := io.WriteString(w, lockHeader); err != nil {
		return err
	}
	for _, p := range sorted {
		if _, err := fmt.Fprintf(w, "%s %s %s %s %s\n", p.Group, p.Name, p.Version, p.Arch, p.SHA256); err != nil {
			return err
		}
	}
	return nil
}

// group returns the packages of one group.
func (l lock) group(name string) lock {
	var part lock
	for _, p := range l {
		if p.Group == name {
			part = append(part, p)
		}
	}
	return part
}
