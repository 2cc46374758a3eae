package main

import (
	"context"

	"mydocker.example/shared/course/internal/tree"
)

func test(context.Context, tree.Tree, []string) error { return nil }
