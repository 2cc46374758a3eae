package grader

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"mydocker.example/shared/course/internal/say"
)

// What is more than any mydocker has.
const (
	mostSource = 16 << 20 // bytes
	mostFiles  = 1000
)

// foreign are the files that the go command would take for a part of the program, and that
// are no Go: an assembler may include any file of this machine by name.
var foreign = []string{".s", ".sx", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".for", ".f90", ".swig", ".swigcxx", ".syso"}

// sources calls visit for each file of a submission that may be a part of the program, and
// refuses what is no program of a student's. What the compiler would not look at is passed by.
func sources(dir string, visit func(rel string, info fs.FileInfo) error) error {
	var size int64
	files := 0
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && path == dir:
			return nil
		case path == dir:
			return refuse("%s", say.T("it is no folder", "это не каталог"))
		case d.IsDir() && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "vendor"}, name)):
			return fs.SkipDir
		case strings.HasPrefix(name, "."), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if files++; files > mostFiles {
			return refuse(say.T("it has more than %d files", "в ней больше %d файлов"), mostFiles)
		}
		if strings.ContainsFunc(rel, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
			return refuse(say.T("%q is no name for a file: it has characters that cannot be printed", "%q — не имя для файла: в нём есть непечатаемые символы"), rel)
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		switch {
		// A link would be followed by the compiler, out of the submission and into somebody
		// else's work.
		case !info.Mode().IsRegular():
			return refuse(say.T("%s is no regular file", "%s — не обычный файл"), rel)
		case size > mostSource:
			return refuse(say.T("it is larger than %d MB", "она больше %d МБ"), mostSource>>20)
		case slices.Contains(foreign, strings.ToLower(filepath.Ext(name))):
			return refuse(say.T("%s is no Go: mydocker is written in Go alone", "%s — не Go: mydocker пишется только на Go"), rel)
		}
		return visit(rel, info)
	})
}

// Plain refuses a folder that no student of this course would hand in, without reading it.
func Plain(dir string) error {
	return sources(dir, func(string, fs.FileInfo) error { return nil })
}

// Each calls visit with every file that a program of a folder may be built from, and go.mod.
func Each(dir string, visit func(rel string, content []byte) error) error {
	return sources(dir, func(rel string, _ fs.FileInfo) error {
		data, err := os.ReadFile(filepath.Join(dir, rel))
		if err != nil {
			return err
		}
		return visit(rel, data)
	})
}

// forGo are files by which a student would talk to the go command, and not to us.
var forGo = []string{"go.mod", "go.sum", "go.work", "go.work.sum"}

// copySources copies a submission; overlay replaces files of it by others, by absolute path.
func copySources(from, to string, overlay map[string]string) error {
	err := Each(from, func(rel string, data []byte) error {
		if slices.Contains(forGo, filepath.Base(rel)) {
			return nil
		}
		return put(filepath.Join(to, rel), data)
	})
	for file, other := range overlay {
		rel, bad := filepath.Rel(from, file)
		data, unread := os.ReadFile(other)
		if err = errors.Join(err, bad, unread); err == nil {
			err = put(filepath.Join(to, rel), data)
		}
	}
	return err
}

func put(path string, data []byte) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644))
}

// most is what is kept of what somebody says who could say more than this machine can hold.
const most = 8 << 20

// capped is a buffer with an end. What comes after it is lost.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), most-c.Len())])
	return len(p), nil
}
