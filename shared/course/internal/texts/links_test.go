package texts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree writes files into a new folder.
func tree(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func TestLinks(t *testing.T) {
	lesson := "# Lesson\n\n## The /proc, and more\n\n### Proof 2.4 `init-shield`: PID 1 does not hear\n"
	for text, want := range map[string]string{
		"[a](lessons/02-second/README.md)":                                                     "",
		"[a](lessons/02-second/README.md#the-proc-and-more)":                                   "",
		"[a](https://example.org/x#y)":                                                         "",
		"[2.4]\n\n[2.4]: lessons/02-second/README.md#proof-24-init-shield-pid-1-does-not-hear": "",
		"as proof 2.4 has shown":                                                               "",
		"```\n[a](nowhere)\n```":                                                               "",
		"[a](nowhere.md)":                                                                      "nowhere.md",
		"[a](lessons/02-second/README.md#the-proc)":                                            "no heading #the-proc",
		"[2.4]\n\n[2.4]: lessons/02-second/README.md#old":                                      "proof 2.4 is #proof-24-init-shield-pid-1-does-not-hear",
		"[2.4]\n\n[2.4]: lessons/02-second/README.md#lesson":                                   "no heading #lesson",
		"[02 § The /proc]":                                                                     "no line that says where it leads",
		"[2.4]: lessons/02-second/README.md#lesson":                                            "nothing uses",
		"as proof 2.5 has shown":                                                               "no proof 2.5",
	} {
		root := tree(t, map[string]string{"lessons/02-second/README.md": lesson, "TEXT.md": text + "\n"})
		err := Links(root, "TEXT.md")
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.ErrorContains(t, err, want, text)
		}
	}
}

func TestAnchors(t *testing.T) {
	var anchors []string
	for _, h := range headings("# A `b-c`: pivot_root(\".\"), twice\n## Где это кончается\n```\n# no\n```\n## Same\n## Same\n") {
		anchors = append(anchors, h.anchor)
	}
	assert.Equal(t, []string{"a-b-c-pivot_root-twice", "где-это-кончается", "same", "same-1"}, anchors)
}

func TestGlossary(t *testing.T) {
	for name, c := range map[string]struct{ en, ru, want string }{
		"fine":     {"**`/dev`** is. [1.1]\n**docker** is. [1.2]\n", "**`/dev`** есть. [1.1]\n**docker** есть. [1.2]\n", ""},
		"missing":  {"**a** is. [1.1]\n**b** is. [1.1]\n", "**a** есть. [1.1]\n", "not the same"},
		"order":    {"**b** is. [1.1]\n**a** is. [1.1]\n", "**b** есть. [1.1]\n**a** есть. [1.1]\n", "stands after"},
		"untaught": {"**a** is.\n", "**a** есть. [1.1]\n", "taught nowhere"},
		"empty":    {"\n", "\n", "no terms"},
	} {
		root := tree(t, map[string]string{"G.md": c.en, "G.ru.md": c.ru})
		err := Glossary(filepath.Join(root, "G.md"))
		if c.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.want, name)
		}
	}
}

func TestMistakes(t *testing.T) {
	root := tree(t, map[string]string{
		"lessons/03-third/HOMEWORK.md":                         "### Task 3.1 `pivot` (100 points): out\n",
		"lessons/03-third/testdata/mutants/chroot/main.go":     "// mutant: task=pivot diagnosis=chroot,old-root also=escape\n",
		"lessons/03-third/testdata/mutants/elsewhere/other.go": "// mutant: task=escape diagnosis=descriptor\n",
		"FINE.md":  "| 3.1 | only the root | `old-root` | proof 3.10 |\n",
		"WRONG.md": "| 3.1 | only the root | `descriptor` | proof 3.10 |\n",
		"EMPTY.md": "nothing\n",
	})
	assert.NoError(t, Mistakes(root, "FINE.md"))
	assert.ErrorContains(t, Mistakes(root, "WRONG.md"), "no mutant of task 3.1 is told descriptor; there are chroot old-root")
	assert.ErrorContains(t, Mistakes(root, "EMPTY.md"), "no mistakes")
}
