package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatusField(t *testing.T) {
	text := "Name:\tsleep\nNSpid:\t4711\t1\nUid:\t100000\t100000\t100000\t100000\nSeccomp:\t2\nSeccomp_filters:\t1\n"
	assert.Equal(t, []string{"4711", "1"}, statusField(text, "NSpid"))
	assert.Equal(t, []string{"2"}, statusField(text, "Seccomp"))
	assert.Empty(t, statusField(text, "Nothing"))
}

func TestParseDevices(t *testing.T) {
	table := "Inter-|   Receive\n face |bytes packets\n  eth0:   7 1\n    lo:   0 0\n"
	assert.Equal(t, []string{"lo", "eth0"}, parseDevices(table))
}

func TestFactsAreNamedOnce(t *testing.T) {
	names := map[string]bool{}
	for _, f := range finalFacts {
		assert.False(t, names[f.name], f.name)
		names[f.name] = true
		if f.name == "/proc/kcore" || strings.HasSuffix(f.name, ".max") {
			continue // the tests may run in a container, or where cgroups are not v2
		}
		answer, err := f.read(os.Getpid())
		require.NoError(t, err, f.name)
		assert.NotContains(t, answer, separator, f.name)
	}
}

// What runc spec has written stays, but for what is changed.
func TestAdaptSpec(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"ociVersion":"1.0.2","hostname":"runc",
		"process":{"terminal":true,"cwd":"/"},"linux":{"namespaces":[{"type":"pid"}],"maskedPaths":["/proc/kcore"]}}`), 0o600))
	require.NoError(t, adaptSpec(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var spec struct {
		Hostname string
		Process  struct {
			Terminal bool
			Cwd      string
			Args     []string
		}
		Linux struct {
			Namespaces  []struct{ Type string }
			MaskedPaths []string
			Resources   struct{ Pids struct{ Limit int } }
		}
	}
	require.NoError(t, json.Unmarshal(text, &spec))
	assert.Equal(t, "runc", spec.Hostname)
	assert.False(t, spec.Process.Terminal)
	assert.Equal(t, "/", spec.Process.Cwd)
	assert.Equal(t, []string{"sleep", "71078"}, spec.Process.Args)
	assert.Equal(t, []struct{ Type string }{{"pid"}, {"user"}}, spec.Linux.Namespaces)
	assert.Equal(t, []string{"/proc/kcore"}, spec.Linux.MaskedPaths)
	assert.Equal(t, finalPids, spec.Linux.Resources.Pids.Limit)
}

func TestColumns(t *testing.T) {
	assert.Equal(t, "0                │ lo and 2 more    │ 0 100000 65536",
		columnsOf([]string{"0", "lo mydocker0 md61e33744c5b2", "0 100000 65536"}))
}
