package image

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A source is one line of a sources.list(5).
type source struct {
	URI, Suite string
	Components []string
	SignedBy   string
}

func (s source) String() string {
	options := ""
	if s.SignedBy != "" {
		options = "[signed-by=" + s.SignedBy + "] "
	}
	return fmt.Sprintf("deb %s%s %s %s", options, s.URI, s.Suite, strings.Join(s.Components, " "))
}

// A distro is a distribution whose packages make a lab.
type distro struct {
	ID, Codename, Version string // of os-release(5)
	Components            []string
	Keyrings              []string // the first that is there
	Newer                 string   // the suite with a newer kernel and emulator, "" = none
	Kernel                string   // the package that depends on the kernel's, less its suffix
	Generic               bool     // that package is named by flavour, not by processor
}

var distros = []distro{
	{ID: "debian", Components: []string{"main"}, Kernel: "linux-image",
		Keyrings: []string{"/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"}},
	{ID: "ubuntu", Components: []string{"main", "universe"}, Kernel: "linux-image-generic", Generic: true,
		Keyrings: []string{"/usr/share/keyrings/ubuntu-archive-keyring.gpg"}},
}

// findDistro recognizes the machine by its os-release(5), or what it is derived from.
func findDistro(osRelease map[string]string) (distro, error) {
	for _, id := range append([]string{osRelease["ID"]}, strings.Fields(osRelease["ID_LIKE"])...) {
		i := slices.IndexFunc(distros, func(d distro) bool { return d.ID == id })
		if i < 0 {
			continue
		}
		d := distros[i]
		d.Codename = osRelease["VERSION_CODENAME"]
		if osRelease["ID"] == id {
			d.Version = osRelease["VERSION_ID"]
		} else if base := osRelease[strings.ToUpper(id)+"_CODENAME"]; base != "" {
			d.Codename = base // a derivative says what it is derived from
		}
		switch d.Codename {
		case "":
			continue
		case "bookworm":
			// Its own kernel is 6.1, and its own QEMU corrupts guests.
			d.Newer = "bookworm-backports"
		case "jammy":
			d.Kernel = "linux-image-generic-hwe-22.04"
		}
		return d, nil
	}
	return distro{}, fmt.Errorf("%q is not a distribution whose packages the lab knows", osRelease["PRETTY_NAME"])
}

// osRelease reads KEY=value lines, values perhaps quoted.
func osRelease(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values
}

// lockFile is the name of the lock for this distribution's release.
func (d distro) lockFile(a arch) string {
	release := d.Version
	if release == "" {
		release = d.Codename
	}
	return fmt.Sprintf("packages-%s-%s-%s.lock", d.ID, release, a.Go)
}

// targetFormat is what `apt-get indextargets --format` is asked for. A field that is
// not known is printed as its own name.
const targetFormat = "$(CREATED_BY)|$(RELEASE)|$(REPO_URI)|$(COMPONENT)|$(ORIGIN)"

// mirrors finds the distribution's own suites among all that the machine's apt knows.
// Third parties use the same suite names, so a suite must be signed as the distribution's,
// or, where no list was ever fetched, look like it.
func mirrors(d distro, targets string) []source {
	var found []source
	lines := bufio.NewScanner(strings.NewReader(targets))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "|")
		if len(f) != 5 || f[0] != "Packages" || !slices.Contains(d.Components, f[3]) {
			continue
		}
		suite, uri, component, origin := f[1], f[2], f[3], f[4]
		switch {
		case suite != d.Codename && suite != d.Codename+"-updates" && suite != d.Codename+"-security" && (suite != d.Newer || suite == ""):
			continue
		case strings.HasPrefix(origin, "$(") || origin == "":
			if !strings.Contains(uri, d.ID) {
				continue
			}
		case !strings.EqualFold(origin, d.ID):
			continue
		}
		same := func(s source) bool { return s.URI == uri && s.Suite == suite }
		if i := slices.IndexFunc(found, same); i < 0 {
			found = append(found, source{URI: uri, Suite: suite, Components: []string{component}})
		} else if !slices.Contains(found[i].Components, component) {
			found[i].Components = append(found[i].Components, component)
		}
	}
	return found
}

// sources is what the lab's own apt reads: the machine's mirror, or the one given by
// LAB_MIRROR, and there also the suite with the newer kernel.
func sources(d distro, targets, mirror string) ([]source, error) {
	list := mirrors(d, targets)
	base := slices.IndexFunc(list, func(s source) bool { return s.Suite == d.Codename })
	if mirror != "" {
		// What the given mirror may not have is kept: the security suite.
		kept := slices.DeleteFunc(list, func(s source) bool { return s.Suite != d.Codename+"-security" })
		list = []source{{URI: mirror, Suite: d.Codename}, {URI: mirror, Suite: d.Codename + "-updates"}}
		list = append(list, kept...)
		base = 0
	}
	if base < 0 {
		return nil, fmt.Errorf("apt on this machine knows no mirror of %s %s: set LAB_MIRROR to one", d.ID, d.Codename)
	}
	if d.Newer != "" && !slices.ContainsFunc(list, func(s source) bool { return s.Suite == d.Newer }) {
		list = append(list, source{URI: list[base].URI, Suite: d.Newer})
	}
	for i := range list {
		list[i].Components = d.Components
		list[i].SignedBy = firstThatExists(d.Keyrings)
	}
	return list, nil
}

func firstThatExists(files []string) string {
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	return ""
}
