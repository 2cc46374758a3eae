package image

import (
	"bufio"
	"io"
	"strings"
)

// An index is what the mirror has: every version of every package, by name.
type index map[string][]indexed

// indexed is the part of a Packages file's paragraph that the lab needs (deb-control(5)).
type indexed struct {
	Version, Arch, SHA256 string
}

// add reads one Packages file into the index.
func (x index) add(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var name string
	var p indexed
	end := func() {
		if name != "" {
			x[name] = append(x[name], p)
		}
		name, p = "", indexed{}
	}
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "":
			end()
		case "Package":
			name = value
		case "Version":
			p.Version = value
		case "Architecture":
			p.Arch = value
		case "SHA256":
			p.SHA256 = value
		}
	}
	end()
	return lines.Err()
}

// find returns the version, or false if the mirror has it no more.
func (x index) find(name, version string) (indexed, bool) {
	for _, p := range x[name] {
		if p.Version == version {
			return p, true
		}
	}
	return indexed{}, false
}

// gone returns the packages of a lock that the mirror no longer has as they were.
func (x index) gone(l lock) []pkg {
	var gone []pkg
	for _, p := range l {
		if found, ok := x.find(p.Name, p.Version); !ok || found.SHA256 != p.SHA256 {
			gone = append(gone, p)
		}
	}
	return gone
}
