package main

import (
	"context"
	"os"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// bench measures the lab's start, as ratios to a plain QEMU of the same kernel.
func bench(ctx context.Context, t tree.Tree, _ []string) error {
	im, err := lab.Image(ctx, t)
	if err != nil {
		return err
	}
	return vm.Bench(ctx, im, 5, os.Stdout)
}
