package stub

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mydocker.example/shared/course/internal/whole"
)

// manifest is written beside the stub: what was generated, so that a student's edit is
// told from an old stub.
const manifest = ".stub"

// Edited lists the files in dir that are the student's work: neither what was generated
// there before, nor what is about to be.
func (s Stub) Edited(dir string) ([]string, error) {
	was, err := generated(dir)
	if err != nil {
		return nil, err
	}
	var edited []string
	for _, name := range s.names() {
		have, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist) || name == manifest:
		case err != nil:
			return nil, err
		case !bytes.Equal(have, s.Files[name]) && sum(have) != was[name]:
			edited = append(edited, name)
		}
	}
	return edited, nil
}

// Write brings dir to the stub: changed files are written, and what an earlier stub left
// there and this one does not have is removed, unless it was edited. It says what it changed.
func (s Stub) Write(dir string) (changed []string, err error) {
	was, err := generated(dir)
	if err != nil {
		return nil, err
	}
	for name, hash := range was {
		path := filepath.Join(dir, name)
		if _, stays := s.Files[name]; stays {
			continue
		}
		if have, err := os.ReadFile(path); err == nil && sum(have) == hash {
			if err := os.Remove(path); err != nil {
				return changed, err
			}
			changed = append(changed, name)
		}
	}
	for _, name := range s.names() {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, s.Files[name]) {
			continue
		}
		if err := whole.Write(path, s.Files[name]); err != nil {
			return changed, err
		}
		changed = append(changed, name)
	}
	return changed, nil
}

// Save copies the files of dir, a student's work, to the new folder to.
func Save(dir, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(dir))
}

// Empty removes all that is in dir, but not dir itself: somebody's shell may stand in it.
func Empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// generated reads the manifest in dir: hashes by name. Without one nothing there
// counts as generated.
func generated(dir string) (map[string]string, error) {
	was := map[string]string{}
	data, err := os.ReadFile(filepath.Join(dir, manifest))
	if errors.Is(err, fs.ErrNotExist) {
		return was, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		hash, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s: %q is no line of it", filepath.Join(dir, manifest), line)
		}
		was[name] = hash
	}
	return was, nil
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
