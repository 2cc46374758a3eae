package image

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const bookworm = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
ID=debian
VERSION_ID="12"
VERSION_CODENAME=bookworm
`

// As apt prints them after an update: third parties reuse the suite's name.
const known = `Packages|bookworm|http://mirror.example/debian/|main|Debian
Packages|bookworm|http://mirror.example/debian/|contrib|Debian
DEP-11|bookworm|http://mirror.example/debian/|main|Debian
Packages|bookworm-updates|http://mirror.example/debian/|main|Debian
Packages|bookworm-security|http://security.example/debian-security/|main|Debian
Packages|bookworm|http://vendor.example/debian/|main|Vendor
`

// As apt prints them before the first update: no one says whose they are.
const unknown = `Packages|bookworm|http://mirror.example/debian/|main|$(ORIGIN)
Packages|bookworm|http://vendor.example/apt/|main|$(ORIGIN)
Packages|trixie|http://mirror.example/debian/|main|$(ORIGIN)
`

func debian12(t *testing.T) distro {
	d, err := findDistro(osRelease(bookworm))
	require.NoError(t, err)
	d.Keyrings = nil
	return d
}

func suites(list []source) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.URI+" "+s.Suite)
	}
	return out
}

func TestSourcesComeFromTheMachine(t *testing.T) {
	d := debian12(t)
	list, err := sources(d, known, "")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"http://mirror.example/debian/ bookworm",
		"http://mirror.example/debian/ bookworm-updates",
		"http://security.example/debian-security/ bookworm-security",
		"http://mirror.example/debian/ bookworm-backports",
	}, suites(list))
	assert.Equal(t, "deb http://mirror.example/debian/ bookworm main", list[0].String())

	list, err = sources(d, unknown, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"http://mirror.example/debian/ bookworm", "http://mirror.example/debian/ bookworm-backports"}, suites(list))
}

func TestSourcesFromAGivenMirror(t *testing.T) {
	list, err := sources(debian12(t), known, "http://near.example/d")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"http://near.example/d bookworm",
		"http://near.example/d bookworm-updates",
		"http://security.example/debian-security/ bookworm-security",
		"http://near.example/d bookworm-backports",
	}, suites(list))
}

func TestNoMirrorIsAnError(t *testing.T) {
	_, err := sources(debian12(t), "", "")
	assert.ErrorContains(t, err, "LAB_MIRROR")
}

func TestFindDistro(t *testing.T) {
	for name, c := range map[string]struct{ text, id, codename, kernel, lock string }{
		"Debian":       {bookworm, "debian", "bookworm", "linux-image", "packages-debian-12-amd64.lock"},
		"Ubuntu 24.04": {"ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n", "ubuntu", "noble", "linux-image-generic", "packages-ubuntu-24.04-amd64.lock"},
		"derived":      {"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"21\"\nVERSION_CODENAME=vera\nUBUNTU_CODENAME=jammy\n", "ubuntu", "jammy", "linux-image-generic-hwe-22.04", "packages-ubuntu-jammy-amd64.lock"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := findDistro(osRelease(c.text))
			require.NoError(t, err)
			assert.Equal(t, []string{c.id, c.codename, c.kernel}, []string{d.ID, d.Codename, d.Kernel})
			assert.Equal(t, c.lock, d.lockFile(arches[0]))
		})
	}
	_, err := findDistro(osRelease("ID=fedora\nPRETTY_NAME=Fedora\n"))
	assert.ErrorContains(t, err, "Fedora")
}

// Hooks of the machine's packages stay out of the lab's apt, its proxy does not.
func TestAptKeepsTheProxyOnly(t *testing.T) {
	a := &apt{dir: "/cache/apt", arch: "amd64"}
	text := a.config("APT::Update::Post-Invoke:: \"rm -rf /\";\nAcquire::http::Proxy \"http://proxy.example\";\n")
	assert.Contains(t, text, `Acquire::http::Proxy "http://proxy.example";`)
	assert.NotContains(t, text, "Post-Invoke")
	assert.Contains(t, text, `Dir::State "/cache/apt/state";`)
}

// Only what a mirror may well lack is done without.
func TestLacksOnlyTheNewerSuite(t *testing.T) {
	d := debian12(t)
	noBackports := errors.New("E: The repository 'http://mirror.example/debian bookworm-backports Release' does not have a Release file.")
	assert.True(t, lacks(noBackports, d))
	offline := errors.New("E: Failed to fetch http://mirror.example/debian/dists/bookworm/InRelease\nE: Failed to fetch http://mirror.example/debian/dists/bookworm-backports/InRelease")
	assert.False(t, lacks(offline, d))
}
