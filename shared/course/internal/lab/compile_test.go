package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompileErrorsArePlain(t *testing.T) {
	t.Setenv("GOWORK", "off")
	for name, c := range map[string]struct {
		src  string
		want []string
	}{
		"undefined": {"package main\n\nfunc main() { nothing() }\n",
			[]string{"homework/01/main.go:3:15: undefined: nothing"}},
		"syntax": {"package main\n\nfunc main() {\n",
			[]string{"homework/01/main.go:4:1: syntax error: unexpected EOF, expected }"}},
		"no package": {"package main\n\nimport \"nowhere\"\n\nfunc main() { nowhere.Do() }\n",
			[]string{"homework/01/main.go:3:8: package nowhere is not in std"}},
		"no module": {"package main\n\nimport \"example.org/x\"\n\nfunc main() { x.Do() }\n",
			[]string{"homework/01/main.go:3:8: no required module provides package example.org/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.25.0\n"), 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(c.src), 0o644))
			err := Build(t.Context(), dir, filepath.Join(t.TempDir(), "x"))
			var compile *CompileError
			require.ErrorAs(t, err, &compile)
			assert.Equal(t, c.want, compile.Lines("homework/01"))
		})
	}
}

func TestNoNetwork(t *testing.T) {
	e := &CompileError{Dir: "/d", Output: `/d/main.go:6:2: module example.org/x: Get "https://proxy.example/example.org/x/@v/list": dial tcp: lookup proxy.example: network is unreachable`}
	assert.Equal(t, []string{"homework/01/main.go:6:2: module example.org/x: not in the module cache, and it cannot be fetched"}, e.Lines("homework/01"))
}
