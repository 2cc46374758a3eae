package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// packages returns the groups of packages that the image is made from, all in the cache.
func (b *builder) packages(ctx context.Context, want []string) (lock, error) {
	if len(want) == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, fmt.Errorf("no apt-get on this machine\n%s", withoutApt)
	}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, err
	}
	d, err := findDistro(osRelease(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, withoutApt)
	}
	dir := filepath.Join(b.lab, "apt")
	if b.arch.Go != runtime.GOARCH {
		dir += "-" + b.arch.Go
	}
	a := &apt{dir: dir, debs: filepath.Join(b.lab, "debs"), arch: b.arch.Debian, distro: d, log: b.log}
	if err := os.MkdirAll(a.debs, 0o755); err != nil {
		return nil, err
	}
	var wanted []group
	for _, g := range groups(b.arch, d) {
		if slices.Contains(want, g.Name) {
			wanted = append(wanted, g)
		}
	}
	return b.locked(ctx, a, wanted, filepath.Join(b.source, d.lockFile(b.arch)))
}

// files are the packages' places in the cache.
func (b *builder) files(l lock) []string {
	var files []string
	for _, p := range l {
		files = append(files, filepath.Join(b.lab, "debs", p.file()))
	}
	return files
}

// verified is files, each held against its checksum. A damaged one is thrown away, so that
// the next run fetches it again.
func (b *builder) verified(l lock) ([]string, error) {
	files := b.files(l)
	for i, p := range l {
		if err := verify(files[i], p.SHA256); err != nil {
			os.Remove(files[i])
			return nil, fmt.Errorf("%w; it was removed: run again", err)
		}
	}
	return files, nil
}

// locked returns the packages of the lock file, downloaded. What the mirror no longer has
// is replaced by the newest there is, which is said; so is a machine that has no lock.
// What came of it is kept in the cache, so that only the first build needs the network.
func (b *builder) locked(ctx context.Context, a *apt, wanted []group, file string) (lock, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pinned, err := parseLock(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	mirror := os.Getenv("LAB_MIRROR")
	remembered := filepath.Join(b.lab, "resolved-"+hash(filepath.Base(file), string(text), mirror)+".lock")
	for _, l := range []lock{pinned, readLock(remembered)} {
		if !b.update && complete(l, wanted) && len(a.missing(only(l, wanted))) == 0 {
			return only(l, wanted), nil
		}
	}
	x, err := b.refresh(ctx, a, mirror)
	if err != nil {
		return nil, err
	}
	result, err := b.choose(x, wanted, pinned, func(g group) (lock, error) { return a.resolve(ctx, x, g) })
	if err != nil {
		return nil, err
	}
	if err := a.fetch(ctx, a.missing(result)); err != nil {
		return nil, err
	}
	if b.update {
		fmt.Fprintf(b.log, "lab: writing %s\n", file)
		return result, writeLock(file, result)
	}
	return result, writeLock(remembered, result)
}

// choose takes each group from the lock if the mirror still has all of it, and else anew.
func (b *builder) choose(x index, wanted []group, pinned lock, resolve func(group) (lock, error)) (lock, error) {
	var result lock
	for _, g := range wanted {
		part := pinned.group(g.Name)
		gone := x.gone(part)
		if complete(part, []group{g}) && len(gone) == 0 && !b.update {
			result = append(result, part...)
			continue
		}
		part, err := resolve(g)
		if err != nil {
			return nil, err
		}
		if !b.update {
			fmt.Fprintln(b.log, newer(g.Name, gone, part))
		}
		result = append(result, part...)
	}
	return result, nil
}

// newer says in one line what was taken instead of what is gone.
func newer(group string, gone []pkg, taken lock) string {
	if len(gone) == 0 {
		return fmt.Sprintf("lab: %s: no lock for this distribution: taking its newest packages", group)
	}
	var changes []string
	for _, old := range gone {
		i := slices.IndexFunc(taken, func(p pkg) bool { return p.Name == old.Name })
		if i < 0 {
			changes = append(changes, old.String()+" (no longer needed)")
			continue
		}
		changes = append(changes, fmt.Sprintf("%s → %s", old, taken[i].Version))
	}
	const most = 4
	if more := len(changes) - most; more > 0 {
		changes = append(changes[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("lab: %s: gone from the mirror, taking the newest: %s", group, strings.Join(changes, ", "))
}

// refresh fetches the package lists. A mirror that lacks the suite with the newer kernel
// and emulator still makes a lab, with older ones.
func (b *builder) refresh(ctx context.Context, a *apt, mirror string) (index, error) {
	targets, err := run(ctx, "apt-get", "indextargets", "--format", targetFormat)
	if err != nil {
		return nil, err
	}
	if len(mirrors(a.distro, targets)) == 0 {
		// No list was fetched yet: then apt can say where they would be, not whose they are.
		if targets, err = run(ctx, "apt-get", "indextargets", "--no-release-info", "--format", targetFormat); err != nil {
			return nil, err
		}
	}
	list, err := sources(a.distro, targets, mirror)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(b.log, "lab: reading the distribution's package lists")
	if err := a.setUp(ctx, list); err != nil {
		return nil, err
	}
	x, err := a.update(ctx)
	if err == nil || !lacks(err, a.distro) || ctx.Err() != nil {
		return x, err
	}
	list = slices.DeleteFunc(list, func(s source) bool { return s.Suite == a.distro.Newer })
	if err := a.setUp(ctx, list); err != nil {
		return nil, err
	}
	if x, err = a.update(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(b.log, "lab: the mirror has no %s: going on with an older kernel and emulator\n", a.distro.Newer)
	a.distro.Newer = ""
	return x, nil
}

// lacks says whether it is only the newer suite that apt complains of.
func lacks(err error, d distro) bool {
	text := err.Error()
	return d.Newer != "" && strings.Contains(text, d.Newer) && !strings.Contains(text, "/dists/"+d.Codename+"/")
}

// complete says whether the lock names every package that is asked for.
func complete(l lock, wanted []group) bool {
	for _, g := range wanted {
		part := l.group(g.Name)
		for _, name := range g.Packages {
			if !slices.ContainsFunc(part, func(p pkg) bool { return p.Name == name }) {
				return false
			}
		}
	}
	return true
}

// only leaves out the groups that are not wanted.
func only(l lock, wanted []group) lock {
	var part lock
	for _, g := range wanted {
		part = append(part, l.group(g.Name)...)
	}
	return part
}

// readLock returns what is in a file of the cache: nothing, if there is none.
func readLock(file string) lock {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	l, err := parseLock(f)
	if err != nil {
		return nil
	}
	return l
}

func writeLock(file string, l lock) error {
	var text strings.Builder
	if err := l.format(&text); err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
