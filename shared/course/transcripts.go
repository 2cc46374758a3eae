package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/transcript"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/vm"
)

// blockLimit is for one console block, of a machine that is not emulated.
const blockLimit = 30 * time.Second

// transcripts runs the console blocks of the lessons and holds the texts against what was
// printed. UPDATE=1 rewrites the texts, in both languages.
func transcripts(ctx context.Context, t tree.Tree, _ []string) error {
	var bad error
	for _, l := range t.WrittenLessons() {
		differences, ran, err := transcribe(ctx, t, l, os.Getenv("UPDATE") == "1")
		if err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		for _, d := range differences {
			fmt.Println(d)
			bad = exit(1)
		}
		fmt.Printf(say.T("%s: %d blocks, %d differences\n", "%s: блоков %d, различий %d\n"), l.Name, ran, len(differences))
	}
	return bad
}

// transcribe runs the blocks of one lesson, in order, in one guest. With update what differs
// is written into the texts instead of being told.
func transcribe(ctx context.Context, t tree.Tree, l tree.Lesson, update bool) (differences []string, ran int, err error) {
	path := filepath.Join(t.Dir("lessons", l), "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	blocks, err := transcript.Parse(string(text))
	if err != nil || len(blocks) == 0 {
		return nil, 0, err
	}
	g, err := labWith(ctx, t, l)
	if err != nil {
		return nil, 0, err
	}
	defer g.Close()
	changed := false
	for i, b := range blocks {
		if b.Skip != "" {
			continue
		}
		ran++
		run, err := runBlock(ctx, g, b)
		if err != nil {
			differences = append(differences, fmt.Sprintf("%s:%d: %v", t.Rel(path), b.Line, err))
			continue
		}
		found := b.Compare(run)
		if update && len(found) > 0 {
			blocks[i], changed = b.Updated(run), true
			continue
		}
		for _, d := range found {
			differences = append(differences, fmt.Sprintf("%s:%d: %s", t.Rel(path), b.Line, d))
		}
	}
	if changed {
		err = rewrite(t, l, blocks)
	}
	return differences, ran, err
}

// labWith gives a guest that sees the repository, with the lesson's mydocker.
func labWith(ctx context.Context, t tree.Tree, l tree.Lesson) (*vm.Guest, error) {
	g, err := lab.Start(ctx, t, t.Root)
	if err != nil || !t.Solved(l) {
		return g, err
	}
	program, err := solution(ctx, t, l)
	if err == nil {
		err = g.PutFile(ctx, "/lab/bin/mydocker", 0o755, program)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

func runBlock(ctx context.Context, g *vm.Guest, b transcript.Block) (transcript.Run, error) {
	if _, err := g.Output(ctx, "sh", "-c", transcript.Prepare()); err != nil {
		return transcript.Run{}, err
	}
	var out bytes.Buffer
	_, err := g.Run(ctx, vm.Cmd{
		Argv: []string{"bash", "-c", b.Script()}, User: b.User,
		Stdout: &out, Stderr: &out, Timeout: blockLimit,
	})
	if err != nil {
		return transcript.Run{}, fmt.Errorf("%w; it had printed:\n%s", err, out.String())
	}
	return b.Split(out.String())
}

// rewrite puts the blocks into the lesson's text in both languages.
func rewrite(t tree.Tree, l tree.Lesson, blocks []transcript.Block) error {
	for _, name := range []string{"README.md", "README.ru.md"} {
		path := filepath.Join(t.Dir("lessons", l), name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		updated, err := transcript.Rewrite(string(text), blocks)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Rel(path), err)
		}
		if err := os.WriteFile(path, []byte(updated), 0o644); err != nil {
			return err
		}
		fmt.Println(t.Rel(path))
	}
	return nil
}
