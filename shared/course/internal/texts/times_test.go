package texts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTimes(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("lessons/03-x/README.md", "# X\n\n**Time**: about 70 minutes to read, two minutes for the proofs to run.\n")
	row := "| [03](lessons/03-x/README.md) | 70 min | 2 min | 5 h |\n"
	write("README.md", row)
	require.NoError(t, Times(root, "README.md", "README.md"))
	for _, wrong := range []string{
		"| [03](lessons/03-x/README.md) | 65 min | 2 min | 5 h |\n",
		"| [03](lessons/03-x/README.md) | 70 min | under 2 min | 5 h |\n",
		"| [03](lessons/03-x/README.md) | 70 min | 3 min | 5 h |\n",
		"", row + row,
	} {
		write("README.md", wrong)
		require.Error(t, Times(root, "README.md", "README.md"), wrong)
	}
	write("README.md", row)
	write("lessons/03-x/README.md", "# X\n")
	require.ErrorContains(t, Times(root, "README.md", "README.md"), "names no times")
}
