package stub

import (
	"path/filepath"
	"slices"
	"strings"
)

// Filled is a solution without its markers and the words to the student: as the file stands
// when the next lesson begins, if the student wrote what the solution has.
func Filled(dir string) (map[string][]byte, error) {
	s := Stub{Files: map[string][]byte{}}
	if err := s.copy(dir); err != nil {
		return nil, err
	}
	for name, src := range s.Files {
		if filepath.Ext(name) != ".go" {
			continue
		}
		lines := strings.Split(string(src), "\n")
		hs, err := holes(name, lines)
		if err != nil {
			return nil, err
		}
		for _, h := range slices.Backward(hs) {
			lines = slices.Delete(lines, h.end-1, h.end)
			lines = slices.Delete(lines, h.begin-1, h.keep)
		}
		s.Files[name] = []byte(strings.Join(lines, "\n"))
	}
	return s.Files, nil
}
