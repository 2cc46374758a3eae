// Package modules brings the Go modules that the course is built from, and knows which they are.
package modules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// Fetch has the go command bring all that the builds and the tests of the workspace need, and
// of each of its modules alone. proxy is where from: "" is wherever this machine's go looks,
// else a folder in the form of a module proxy (go help goproxy), and nowhere else. Whatever
// comes is held against the go.sum files, by the go command, as ever.
func Fetch(ctx context.Context, t tree.Tree, proxy string) error {
	var from []string
	if proxy != "" {
		// GONOPROXY: modules that are private to somebody are fetched past the proxy.
		from = []string{"GOPROXY=" + fileURL(proxy), "GONOPROXY=none"}
	}
	var all []string
	for _, dir := range t.Modules() {
		if err := run(ctx, t.Path(dir), append(from, "GOWORK=off"), "mod", "download"); err != nil {
			return err
		}
		all = append(all, "./"+dir+"/...")
	}
	// Together they may need newer versions than each alone, and those of no module's list.
	return run(ctx, t.Root, from, append([]string{"list", "-deps", "-test"}, all...)...)
}

// fileURL names a folder in GOPROXY, which is a list that commas and bars divide.
func fileURL(dir string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}
	return strings.NewReplacer(",", "%2C", "|", "%7C").Replace(u.String())
}

func run(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := child.Go(ctx, args...)
	cmd.Dir, cmd.Env = dir, append(cmd.Env, env...)
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: go %s: %w\n%s", filepath.Base(dir), strings.Join(args[:2], " "), err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// Sums are the checksums of all go.sum files of the tree: of "path version" a module's zip, of
// "path version/go.mod" its go.mod.
func Sums(t tree.Tree) (map[string]string, error) {
	sums := map[string]string{}
	files := []string{t.Path("go.work.sum")}
	for _, dir := range t.Modules() {
		files = append(files, t.Path(dir, "go.sum"))
	}
	for _, file := range files {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a module that needs none
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if w := strings.Fields(lines.Text()); len(w) == 3 && strings.HasPrefix(w[2], "h1:") {
				sums[w[0]+" "+w[1]] = w[2]
			}
		}
		f.Close()
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// Files are the names of a module proxy's files for what the sums name, as far as they are in
// the folder: sorted. A zip that is not there is an error: Fetch brings all of them.
func Files(sums map[string]string, folder string) (names []string, err error) {
	for key := range sums {
		name, err := file(key)
		if err != nil {
			return nil, err
		}
		_, err = os.Stat(filepath.Join(folder, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist) && path.Ext(name) == ".mod":
			continue // the sums name more of these than any build reads
		case err != nil:
			return nil, err
		}
		names = append(names, name)
		// When a version is from: not under any checksum, and the go command asks for it.
		if info := strings.TrimSuffix(name, ".zip") + ".info"; path.Ext(name) == ".zip" && exists(filepath.Join(folder, filepath.FromSlash(info))) {
			names = append(names, info)
		}
	}
	slices.Sort(names)
	return names, nil
}

// file is the name that a line of a go.sum has in a module proxy.
func file(key string) (string, error) {
	name, version, _ := strings.Cut(key, " ")
	version, isMod := strings.CutSuffix(version, "/go.mod")
	name, err := module.EscapePath(name)
	if err != nil {
		return "", err
	}
	if version, err = module.EscapeVersion(version); err != nil {
		return "", err
	}
	if isMod {
		return name + "/@v/" + version + ".mod", nil
	}
	return name + "/@v/" + version + ".zip", nil
}

// Verify holds every file of a folder in the form of a module proxy against the sums. The go
// command would do so when it takes them; this says it before anything has been taken.
func Verify(sums map[string]string, folder string) error {
	want := map[string]string{}
	for key, sum := range sums {
		name, err := file(key)
		if err != nil {
			return err
		}
		want[name] = sum
	}
	return filepath.WalkDir(folder, func(full string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		var got string
		switch path.Ext(name) {
		case ".zip":
			got, err = dirhash.HashZip(full, dirhash.Hash1)
		case ".mod":
			got, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(full) })
		case ".info":
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if got != want[name] || got == "" {
			return fmt.Errorf(say.T("the module %s is not what the course's go.sum files say", "модуль %s — не тот, что записан в файлах go.sum курса"), name)
		}
		return nil
	})
}

// Cache is the folder of the go command's module cache that is in the form of a module proxy.
func Cache(ctx context.Context) (string, error) {
	out, err := child.Command(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMODCACHE: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "cache", "download"), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
