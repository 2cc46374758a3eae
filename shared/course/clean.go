package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// ours are the folders that the course makes in its cache.
var ours = []string{"lab", "build", "out"}

// clean removes the course's folder from the cache, once it has seen that it is that.
func clean(_ context.Context, _ tree.Tree, _ []string) error {
	cache, err := vm.CacheDir()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info, err := os.Lstat(cache); err != nil || !info.IsDir() {
		return fmt.Errorf(say.T("%s is no folder of its own; it is left alone", "%s — не отдельная папка; она не тронута"), cache)
	}
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) {
			return fmt.Errorf(say.T("%s is not the course's; nothing is removed", "%s не принадлежит курсу; ничего не удалено"), filepath.Join(cache, e.Name()))
		}
	}
	if err := os.RemoveAll(cache); err != nil {
		return err
	}
	fmt.Printf(say.T("removed %s\n", "папка %s удалена\n"), cache)
	return nil
}

// reset forgets how the lab was started before: its snapshots and the accelerator that it
// found. The image stays. With a number it is homework/NN that begins again.
func reset(ctx context.Context, t tree.Tree, args []string) error {
	if len(args) > 0 {
		l, err := oneLesson(t, args)
		if err != nil {
			return err
		}
		return resetHomework(ctx, t, l)
	}
	cache, err := vm.CacheDir()
	if err != nil {
		return err
	}
	for _, pattern := range []string{"snapshot-*", "accel-*"} {
		found, err := filepath.Glob(filepath.Join(cache, "lab", pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	fmt.Println(say.T("the next lab boots from its kernel", "следующая лаборатория загрузится с ядра"))
	return nil
}
