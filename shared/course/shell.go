package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mydocker.example/shared/course/internal/lab"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

// shell opens the lab with the newest mydocker on the PATH.
func shell(ctx context.Context, t tree.Tree, _ []string) error {
	l, err := t.Newest()
	if err != nil {
		return enter(ctx, t, "", "/course")
	}
	return enter(ctx, t, t.Dir("solutions", l), "/course")
}

// try opens the lab with the student's own mydocker on the PATH; FROM=solution takes the
// solution's.
func try(ctx context.Context, t tree.Tree, args []string) error {
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	if !t.Solved(l) {
		return tree.NotWritten(l)
	}
	kind := "homework"
	if err := there(t, l); err != nil && os.Getenv("FROM") == "" {
		return err
	}
	switch from := os.Getenv("FROM"); from {
	case "":
	case "solution":
		kind = "solutions"
	default:
		return fmt.Errorf(say.T("FROM=%s: only FROM=solution is known; without it the mydocker is yours", "FROM=%s: бывает только FROM=solution; без него mydocker — ваш"), from)
	}
	if l.OnHost() {
		return tryInit(ctx, t, l, t.Dir(kind, l))
	}
	return enter(ctx, t, t.Dir(kind, l), "/course/"+kind+"/"+l.Name)
}

// tryInit becomes the lesson's own program, which boots a machine with the student's init.
func tryInit(ctx context.Context, t tree.Tree, l tree.Lesson, source string) error {
	init, program := filepath.Join(t.Build, "init-"+l.Name), filepath.Join(t.Build, "lesson-"+l.Name)
	if err := lab.Build(ctx, source, init); err != nil {
		return fmt.Errorf("%s: %w", t.Rel(source), err)
	}
	if err := lab.Build(ctx, t.Dir("lessons", l), program); err != nil {
		return fmt.Errorf("%s: %w", t.Rel(t.Dir("lessons", l)), err)
	}
	if _, err := lab.Image(ctx, t); err != nil {
		return err
	}
	return unix.Exec(program, []string{program}, append(os.Environ(), "TRY_INIT="+init))
}

// enter starts a guest that sees the repository, with the mydocker built from source on its
// PATH, runs CMD or a shell there, and brings out what lies in /out when it ends.
func enter(ctx context.Context, t tree.Tree, source, dir string) error {
	program := filepath.Join(t.Build, "mydocker-"+filepath.Base(filepath.Dir(source))+"-"+filepath.Base(source))
	built := make(chan error, 1)
	go func() {
		if source == "" {
			built <- nil
			return
		}
		built <- lab.Build(ctx, source, program)
	}()
	g, err := lab.Start(ctx, t, t.Root)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := <-built; err != nil {
		return fmt.Errorf("%s: %w", t.Rel(source), err)
	}
	if source != "" {
		if err := g.PutFile(ctx, "/lab/bin/mydocker", 0o755, program); err != nil {
			return err
		}
	}
	out := os.Getenv("OUT")
	if out != "" {
		if _, err := g.Output(ctx, "mkdir", "-p", "/out"); err != nil {
			return err
		}
	}
	code, err := session(ctx, g, dir)
	if err != nil {
		return err
	}
	if out != "" {
		if err := g.Fetch(ctx, "/out", out); err != nil {
			return err
		}
	}
	if code != 0 {
		return exit(code)
	}
	return nil
}

// session is CMD, a shell on this terminal, or a shell that reads the standard input.
func session(ctx context.Context, g *vm.Guest, dir string) (int, error) {
	// The reader's language, for what mydocker has to say about its errors.
	language := "COURSE_LANG=" + prose.Lang()
	cmd := vm.Cmd{Argv: []string{"bash"}, Dir: dir, Env: []string{language}, Stdout: os.Stdout, Stderr: os.Stderr}
	person := term.IsTerminal(int(os.Stdin.Fd()))
	if !person {
		cmd.Stdin = untilEnd{os.Stdin}
	}
	if line := os.Getenv("CMD"); line != "" {
		limit, err := timeLimit()
		if err != nil {
			return 0, err
		}
		cmd.Argv, cmd.Timeout = []string{"bash", "-c", line}, limit
		return g.Run(ctx, cmd)
	}
	if !person {
		return g.Run(ctx, cmd)
	}
	return onTerminal(ctx, g, cmd)
}

// timeLimit of a CMD, of a machine that is not emulated: TIMEOUT=30s, 10 minutes without.
func timeLimit() (time.Duration, error) {
	text := os.Getenv("TIMEOUT")
	if text == "" {
		return 10 * time.Minute, nil
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return 0, fmt.Errorf(say.T("TIMEOUT=%s is no time; write 30s or 5m", "TIMEOUT=%s — не время; напишите 30s или 5m"), text)
	}
	return limit, nil
}

// onTerminal gives the guest's shell this terminal: every key goes there, Ctrl-C too.
func onTerminal(ctx context.Context, g *vm.Guest, cmd vm.Cmd) (int, error) {
	fmt.Println(say.Dim(say.T("the lab: root, nothing here can be broken; exit or Ctrl-D ends it", "лаборатория: вы root, сломать здесь нечего; exit или Ctrl-D завершает её")))
	in := int(os.Stdin.Fd())
	before, err := term.MakeRaw(in)
	if err != nil {
		return 0, err
	}
	defer term.Restore(in, before)
	sizes := make(chan [2]uint16, 1)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	defer signal.Stop(changed)
	go func() {
		for range changed {
			if w, h, err := term.GetSize(in); err == nil {
				sizes <- [2]uint16{uint16(h), uint16(w)}
			}
		}
	}()
	if w, h, err := term.GetSize(in); err == nil {
		cmd.Rows, cmd.Cols = uint16(h), uint16(w)
	}
	cmd.Argv = []string{"bash", "-l"}
	cmd.TTY, cmd.Stdin, cmd.Resize = true, os.Stdin, sizes
	cmd.Env = append(cmd.Env, "TERM="+os.Getenv("TERM"))
	return g.Run(ctx, cmd)
}

// untilEnd reads to the end of an input that may not even be open.
type untilEnd struct{ r io.Reader }

func (u untilEnd) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
