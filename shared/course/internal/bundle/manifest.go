// Package bundle packs all that the course needs into one file, and unpacks it where there is
// no network.
//
// The file is a tar archive, packed by gzip, of which tar(1) can take any part:
//
//	manifest.json   what this is, and the size and checksum of all that follows
//	unpack          a script for a machine that has Go, make and nothing of the course
//	course.git      the course with its history (git-bundle(1)); not of a shallow clone
//	course.tar      the course without
//	modules/…       Go modules, in the form of a module proxy (go help goproxy)
//	lab/…           the lab's image, and the emulator under qemu/
//
// A snapshot of a booted guest is not in it: that fits one model of processor, and the first
// start of a lab makes it.
package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"runtime"
	"strings"
	"unicode"

	"mydocker.example/shared/course/internal/say"
)

// format changes when an older tool could not read a bundle rightly.
const format = 1

const manifestName = "manifest.json"

// A Manifest is the first file of a bundle.
type Manifest struct {
	Format   int               `json:"format"`
	Course   string            `json:"course"` // the commit
	Arch     string            `json:"arch"`   // as GOARCH says it
	Lab      string            `json:"lab"`    // the key of the image: another course has another one
	QEMU     string            `json:"qemu"`   // version, for people
	Packages map[string]string `json:"packages"`
	Files    []File            `json:"files"`
}

// A File is one file of the bundle, in the order in which they lie there.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	Exec   bool   `json:"exec,omitempty"`
	Link   string `json:"link,omitempty"` // a symbolic link, within the folder of the emulator
}

// Bytes is the size of what is in the bundle, unpacked.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// parse reads a manifest that may be anybody's.
func parse(data []byte) (m Manifest, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf(say.T("its manifest cannot be read: %w", "его опись не читается: %w"), err)
	}
	if m.Format != format {
		return m, fmt.Errorf(say.T("it has format %d, and this version of the course reads %d", "его формат — %d, а эта версия курса читает %d"), m.Format, format)
	}
	if !commitName.MatchString(m.Course) || len(m.Files) > mostFiles {
		return m, fmt.Errorf(say.T("its manifest is none of ours: commit %q, %d files", "опись не наша: коммит %q, файлов: %d"), m.Course, len(m.Files))
	}
	for _, f := range m.Files {
		if err := f.check(); err != nil {
			return m, err
		}
	}
	return m, nil
}

// More than any bundle of ours has: so many files, none so large, and a commit of another look.
const (
	mostFiles = 100_000
	mostBytes = 8 << 30
)

var commitName = regexp.MustCompile(`^[0-9a-z-]{1,64}$`)

// check refuses what no bundle of ours has.
func (f File) check() error {
	switch {
	case !local(f.Name) || !known(f.Name):
		return fmt.Errorf(say.T("it has a file %q, which is not for a bundle", "в нём файл %q, которому там не место"), f.Name)
	case f.Size < 0 || f.Size > mostBytes:
		return fmt.Errorf(say.T("it has a file %s of %d bytes", "в нём файл %s размером %d байт"), f.Name, f.Size)
	case f.Link == "":
		return nil
	case !strings.HasPrefix(f.Name, qemuFolder) || path.IsAbs(f.Link) || !strings.HasPrefix(path.Join(path.Dir(f.Name), f.Link)+"/", qemuFolder):
		return fmt.Errorf(say.T("it has a link %q to %q, which leads out of it", "в нём ссылка %q на %q, которая ведёт наружу"), f.Name, f.Link)
	}
	return nil
}

// local: relative, clean, not upwards, and nothing in it that a terminal would obey.
func local(name string) bool {
	return name != "" && name != "." && name == path.Clean(name) && !path.IsAbs(name) &&
		name != ".." && !strings.HasPrefix(name, "../") && !strings.Contains(name, "\\") && !strings.ContainsFunc(name, unicode.IsControl)
}

const (
	unpackName    = "unpack"
	historyName   = "course.git"
	courseName    = "course.tar"
	modulesFolder = "modules/"
	labFolder     = "lab/"
	qemuFolder    = "lab/qemu/"
)

func known(name string) bool {
	switch name {
	case unpackName, historyName, courseName:
		return true
	}
	return strings.HasPrefix(name, modulesFolder) || strings.HasPrefix(name, labFolder)
}

// Fits says whether a bundle, of this file, is for this machine and this version of the course.
func (m Manifest) Fits(lab, file string) error {
	if m.Arch != runtime.GOARCH {
		return fmt.Errorf(say.T("it is for %s, and this machine is %s: there, make bundle FOR=%[2]s makes one for here", "он для %s, а эта машина — %s: для неё там нужен make bundle FOR=%[2]s"), m.Arch, runtime.GOARCH)
	}
	if m.Lab != lab {
		return fmt.Errorf(say.T("it was made of another version of the course, %s, which it brings along. This updates the clone here to it, or without the dot unpacks it into a new folder:\n  %s",
			"он собран из другой версии курса, %s, и везёт её с собой. Так эта копия обновится до неё, а без точки в конце она распакуется в новый каталог:\n  %s"),
			m.Course, "tar -xzf "+file+" unpack && sh unpack "+file+" .")
	}
	return nil
}

var errCutOff = errors.New(say.T("it is cut off or damaged; copy it again", "он обрезан или повреждён; скопируйте его заново"))
