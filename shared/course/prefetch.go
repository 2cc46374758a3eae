package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/modules"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// prefetch brings all that a class needs, says what it is, and how much of it is new.
func prefetch(ctx context.Context, t tree.Tree, _ []string) error {
	version, err := goToolchain(ctx, t)
	if err != nil {
		return err
	}
	fmt.Printf("%-14s %s\n", "Go", version)
	cache, err := modules.Cache(ctx)
	if err != nil {
		return err
	}
	before := bytesBelow(cache)
	if err := modules.Fetch(ctx, t, ""); err != nil {
		return err
	}
	sums, err := modules.Sums(t)
	if err != nil {
		return err
	}
	names, err := modules.Files(sums, cache)
	if err != nil {
		return err
	}
	var size int64
	zips := 0
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(cache, filepath.FromSlash(name))); err == nil {
			size += info.Size()
		}
		if strings.HasSuffix(name, ".zip") {
			zips++
		}
	}
	told(say.T("Go modules", "модули Go"), strconv.Itoa(zips), size, bytesBelow(cache)-before)

	dir, err := vm.CacheDir()
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, "lab")
	before = bytesBelow(dir)
	im, err := lab.Image(ctx, t)
	if err != nil {
		return err
	}
	parts := bytesBelow(im.Kernel) + bytesBelow(im.Initrd) + bytesBelow(im.Rootfs)
	told(say.T("lab image", "образ"), fmt.Sprintf(say.T("of %d packages, QEMU %s", "из %d пакетов, QEMU %s"), len(im.Packages), im.QEMU.Version), parts, bytesBelow(dir)-before)
	fmt.Println(say.T("everything is here: a class needs no network now", "всё на месте: занятию сеть больше не нужна"))
	return nil
}

// told is a line of what there is, and of what was not there before: fetched, or made of it.
func told(name, what string, size, fresh int64) {
	news := say.T("was here", "уже было")
	if fresh > 0 {
		news = fmt.Sprintf(say.T("%d MB more on the disk than before", "на диске прибавилось %d МБ"), (fresh+1<<20-1)>>20)
	}
	fmt.Printf(say.T("%-14s %s, %d MB; %s\n", "%-14s %s, %d МБ; %s\n"), name, what, size>>20, news)
}

// goToolchain says which go builds the course: where go.work asks for a newer one than is
// installed, and it may be fetched, the call fetches it.
func goToolchain(ctx context.Context, t tree.Tree) (string, error) {
	cmd := child.Command(ctx, "go", "version")
	cmd.Dir, cmd.Stderr = t.Root, os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(strings.TrimPrefix(string(out), "go version ")), err
}

// bytesBelow is the size of a file, or of all files in a folder, each once however many links
// it has: an image is links to what it was made from. What cannot be read is nothing.
func bytesBelow(path string) (n int64) {
	counted := map[uint64]bool{}
	filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink > 1 {
			if counted[s.Ino] {
				return nil
			}
			counted[s.Ino] = true
		}
		n += info.Size()
		return nil
	})
	return n
}
