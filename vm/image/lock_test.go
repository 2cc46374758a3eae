package image

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockReadsWhatItWrites(t *testing.T) {
	l := lock{
		{"qemu", "zlib1g", "1:1.2.13", "amd64", "cc"},
		{"guest", "bash", "5.2-1", "amd64", "aa"},
		{"guest", "netbase", "6.4", "all", "bb"},
	}
	var text strings.Builder
	require.NoError(t, l.format(&text))
	back, err := parseLock(strings.NewReader(text.String()))
	require.NoError(t, err)
	assert.Equal(t, lock{l[1], l[2], l[0]}, back, "sorted, nothing lost")
	assert.Equal(t, "zlib1g_1%3a1.2.13_amd64.deb", l[0].file())

	_, err = parseLock(strings.NewReader("guest bash 5.2-1\n"))
	assert.ErrorContains(t, err, "line 1")
}

const packagesFile = `Package: bash
Version: 5.2-1
Architecture: amd64
Depends: base-files (>= 2.1.12), debianutils (>= 2.15)
Description: GNU shell
 Bash is an sh-compatible command language interpreter.
SHA256: aa

Package: bash
Version: 5.2-2
Architecture: amd64
SHA256: ab

Package: dash
Version: 1.0
Architecture: amd64
SHA256: dd`

func testIndex(t *testing.T) index {
	x := index{}
	require.NoError(t, x.add(strings.NewReader(packagesFile)))
	return x
}

func TestIndexKnowsEveryVersion(t *testing.T) {
	x := testIndex(t)
	p, ok := x.find("bash", "5.2-1")
	require.True(t, ok)
	assert.Equal(t, indexed{"5.2-1", "amd64", "aa"}, p)
	_, ok = x.find("dash", "1.0")
	assert.True(t, ok, "the last paragraph has no empty line after it")
	_, ok = x.find("dash", "2.0")
	assert.False(t, ok)
}

// The lock names a version that the mirror has no more: the newest is taken, and said.
func TestChooseReplacesWhatIsGone(t *testing.T) {
	x := testIndex(t)
	wanted := []group{{Name: "guest", Packages: []string{"bash"}}, {Name: "tools", Packages: []string{"dash"}}}
	pinned := lock{{"guest", "bash", "5.1-9", "amd64", "00"}, {"tools", "dash", "1.0", "amd64", "dd"}}
	newest := func(g group) (lock, error) {
		require.Equal(t, "guest", g.Name, "what is still there is not asked for")
		return lock{{"guest", "bash", "5.2-2", "amd64", "ab"}}, nil
	}
	var said strings.Builder
	b := &builder{log: &said}
	got, err := b.choose(x, wanted, pinned, newest)
	require.NoError(t, err)
	assert.Equal(t, lock{{"guest", "bash", "5.2-2", "amd64", "ab"}, pinned[1]}, got)
	assert.Equal(t, "lab: guest: gone from the mirror, taking the newest: bash=5.1-9 → 5.2-2\n", said.String())
}

func TestChooseTakesALockThatHolds(t *testing.T) {
	pinned := lock{{"guest", "bash", "5.2-1", "amd64", "aa"}}
	var said strings.Builder
	b := &builder{log: &said}
	got, err := b.choose(testIndex(t), []group{{Name: "guest", Packages: []string{"bash"}}}, pinned, nil)
	require.NoError(t, err)
	assert.Equal(t, pinned, got)
	assert.Empty(t, said.String())
}

// The same version with other bytes is another package.
func TestChangedChecksumIsGone(t *testing.T) {
	l := lock{{"guest", "bash", "5.2-1", "amd64", "xx"}}
	assert.Len(t, testIndex(t).gone(l), 1)
}

func TestSplitDebName(t *testing.T) {
	name, version, err := splitDebName("libcap2_1%3a2.66-4+deb12u3_amd64.deb")
	require.NoError(t, err)
	assert.Equal(t, "libcap2", name)
	assert.Equal(t, "1:2.66-4+deb12u3", version)
	_, _, err = splitDebName("nonsense")
	assert.Error(t, err)
}
