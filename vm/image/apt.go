package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// apt works beside the machine's own: its own state, cache and sources, so that it needs
// no root and changes nothing. It keeps what makes the machine's apt work where it is:
// the mirror, the keys, the proxy.
type apt struct {
	dir    string // state, lists and configuration
	debs   string // downloaded packages
	arch   string
	distro distro
	log    io.Writer
}

// setUp writes the configuration that every call of apt-get below reads.
func (a *apt) setUp(ctx context.Context, list []source) error {
	machine, err := run(ctx, "apt-config", "dump")
	if err != nil {
		return err
	}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o755); err != nil {
			return err
		}
	}
	var text strings.Builder
	for _, s := range list {
		fmt.Fprintln(&text, s)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "sources.list"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, "apt.conf"), []byte(a.config(machine)), 0o644)
}

// config is read before any other configuration (apt.conf(5), APT_CONFIG), and says that
// there is none: hooks of the machine's packages have no business here.
func (a *apt) config(machine string) string {
	var text strings.Builder
	for _, option := range [][2]string{
		{"APT::Architecture", a.arch},
		{"APT::Architectures::", a.arch},
		{"APT::Sandbox::User", "root"}, // the sandbox's user cannot read a user's cache
		{"APT::Update::Error-Mode", "any"},
		{"Acquire::Languages", "none"},
		{"Acquire::Retries", "3"},
		{"Dir::State", filepath.Join(a.dir, "state")},
		{"Dir::State::status", filepath.Join(a.dir, "status")},
		{"Dir::Cache", filepath.Join(a.dir, "cache")},
		{"Dir::Etc::sourcelist", filepath.Join(a.dir, "sources.list")},
		{"Dir::Etc::sourceparts", "/dev/null"},
		{"Dir::Etc::main", "/dev/null"},
		{"Dir::Etc::parts", "/dev/null"},
		{"Dir::Etc::preferences", "/dev/null"},
		{"Dir::Etc::preferencesparts", "/dev/null"},
	} {
		fmt.Fprintf(&text, "%s %q;\n", option[0], option[1])
	}
	for line := range strings.Lines(machine) {
		if strings.HasPrefix(line, "Acquire::http") || strings.HasPrefix(line, "Acquire::ForceIP") {
			text.WriteString(line)
		}
	}
	return text.String()
}

// get calls apt-get with a status file that says which packages are installed.
func (a *apt) get(ctx context.Context, dir string, assumed []string, args ...string) (string, error) {
	var status strings.Builder
	for _, name := range assumed {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: foreign\nVersion: 99:0\nProvides: debconf-2.0\nMaintainer: none\nDescription: assumed\n\n", name, a.arch)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "status"), []byte(status.String()), 0o644); err != nil {
		return "", err
	}
	cmd := command(ctx, "apt-get", append([]string{"-q"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"), "LC_ALL=C")
	return output(cmd)
}

// update fetches the lists; apt verifies their signatures.
func (a *apt) update(ctx context.Context) (index, error) {
	if _, err := a.get(ctx, a.dir, nil, "update"); err != nil {
		return nil, err
	}
	files, err := a.get(ctx, a.dir, nil, "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")
	if err != nil {
		return nil, err
	}
	x := index{}
	for file := range strings.Lines(files) {
		// Lists are kept packed, in whatever way this apt likes best.
		text, err := run(ctx, "/usr/lib/apt/apt-helper", "cat-file", strings.TrimSpace(file))
		if err != nil {
			return nil, err
		}
		if err := x.add(strings.NewReader(text)); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// resolve asks apt what has to be installed for a group, and finds each in the index.
func (a *apt) resolve(ctx context.Context, x index, g group) (lock, error) {
	args := []string{"install", "--print-uris", "-qq", "-y", "--no-install-recommends"}
	if g.Newer && a.distro.Newer != "" {
		args = append(args, "-t", a.distro.Newer)
	}
	uris, err := a.get(ctx, a.dir, g.Assumed, append(args, g.Packages...)...)
	if err != nil {
		return nil, err
	}
	var l lock
	for line := range strings.Lines(uris) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasPrefix(f[0], "'") {
			continue
		}
		name, version, err := splitDebName(f[1])
		if err != nil {
			return nil, err
		}
		found, ok := x.find(name, version)
		if !ok {
			return nil, fmt.Errorf("apt wants %s=%s, which is in none of its lists", name, version)
		}
		l = append(l, pkg{g.Name, name, version, found.Arch, found.SHA256})
	}
	if len(l) == 0 {
		return nil, fmt.Errorf("apt found nothing to install for %s", strings.Join(g.Packages, " "))
	}
	return l, nil
}

// splitDebName takes name_version_arch.deb apart; the version has its colon as %3a.
func splitDebName(file string) (name, version string, err error) {
	f := strings.Split(strings.TrimSuffix(file, ".deb"), "_")
	if len(f) != 3 {
		return "", "", fmt.Errorf("%q is no package's file name", file)
	}
	return f[0], strings.ReplaceAll(f[1], "%3a", ":"), nil
}

// missing returns the packages that are not in the cache of packages.
func (a *apt) missing(l lock) lock {
	var out lock
	seen := map[string]bool{}
	for _, p := range l {
		if _, err := os.Stat(filepath.Join(a.debs, p.file())); err != nil && !seen[p.file()] {
			out = append(out, p)
		}
		seen[p.file()] = true
	}
	return out
}

// fetch downloads packages into the cache. Each goes there only when it is whole.
func (a *apt) fetch(ctx context.Context, l lock) error {
	if len(l) == 0 {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(a.debs), tmpPrefix+"debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	args := []string{"download"}
	for _, p := range l {
		args = append(args, p.String())
	}
	fmt.Fprintf(a.log, "lab: downloading %d packages\n", len(l))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go progress(ctx, a.log, tmp)
	if _, err := a.get(ctx, tmp, nil, args...); err != nil {
		return err
	}
	stop()
	for _, p := range l {
		if err := verify(filepath.Join(tmp, p.file()), p.SHA256); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(tmp, p.file()), filepath.Join(a.debs, p.file())); err != nil {
			return err
		}
	}
	return nil
}

// progress says now and then how much is there, for those who wait on a slow line.
func progress(ctx context.Context, log io.Writer, dir string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
		}
		var bytes int64
		files, _ := filepath.Glob(filepath.Join(dir, "*.deb*"))
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				bytes += info.Size()
			}
		}
		fmt.Fprintf(log, "lab: %d MB so far\n", bytes>>20)
	}
}

// verify holds a file against the checksum that the lock has for it.
func verify(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, bufio.NewReaderSize(f, 1<<20)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s: sha256 is %s, locked is %s", filepath.Base(file), got, want)
	}
	return nil
}

// run is output of a command with nothing special about it.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := command(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return output(cmd)
}

// output returns what the command printed; its error carries what it complained of.
func output(cmd *exec.Cmd) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
