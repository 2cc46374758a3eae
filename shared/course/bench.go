package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"mydocker.example/shared/course/internal/child"
	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// benchRounds is enough for a median that another run confirms.
const benchRounds = 25

// bench measures, each as ratios of one run: how fast the lab starts, beside a plain QEMU of
// the same kernel; and how fast mydocker starts a container, beside others who do. ONLY=05
// takes the mydocker of lesson 05 instead of the newest. Root races on this machine, too;
// LAB=host is that alone.
func bench(ctx context.Context, t tree.Tree, _ []string) error {
	l, err := t.Newest()
	if only := os.Getenv("ONLY"); only != "" {
		l, err = t.Lesson(only)
	}
	if err != nil {
		return err
	}
	mydocker, err := solution(ctx, t, l)
	if err != nil {
		return err
	}
	racer := filepath.Join(t.Build, "racer")
	if err := lab.Build(ctx, t.Path("shared", "course", "racer"), racer); err != nil {
		return err
	}
	var flags []string
	if l.Number >= 7 { // the others have a network namespace that nobody connects, too
		flags = []string{"--net", "none"}
	}
	argv := func(racer, mydocker, where string) []string {
		return append([]string{racer, strconv.Itoa(benchRounds), where, mydocker}, flags...)
	}
	here := func() error {
		cmd := child.Command(ctx, argv(racer, mydocker, "this machine, mydocker of "+l.Name)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	}
	if os.Getenv("LAB") == "host" {
		if err := fitHost(); err != nil {
			return err
		}
		return here()
	}

	im, err := lab.Image(ctx, t)
	if err != nil {
		return err
	}
	if err := vm.Bench(ctx, im, 5, os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	g, err := lab.Start(ctx, t, "")
	if err != nil {
		return err
	}
	defer g.Close()
	for to, from := range map[string]string{"/lab/bin/racer": racer, "/lab/bin/mydocker": mydocker} {
		if err := g.PutFile(ctx, to, 0o755, from); err != nil {
			return err
		}
	}
	code, err := g.Run(ctx, vm.Cmd{Argv: argv("racer", "mydocker", "the lab, mydocker of "+l.Name), Stdout: os.Stdout, Stderr: os.Stderr})
	if err == nil && code != 0 {
		err = exit(code)
	}
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	// The lab is emulated as a rule, and emulation is harder on a Go program than on C.
	fmt.Println()
	return here()
}
