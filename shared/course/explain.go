package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
	"mydocker.example/shared/explain"
	"mydocker.example/shared/prose"
)

// explainError says why the kernel probably gave the answer in ERR, and which proof shows it:
// ERR='pivot_root EINVAL', or a whole line as a program printed it.
func explainError(_ context.Context, t tree.Tree, _ []string) error {
	text := os.Getenv("ERR")
	if strings.TrimSpace(text) == "" {
		return errors.New(say.T("what is to be explained? For example: make explain ERR='pivot_root EINVAL'",
			"что объяснить? Например: make explain ERR='pivot_root EINVAL'"))
	}
	call, errno, err := explain.Parse(text)
	if err != nil {
		return fmt.Errorf(say.T("%q names neither a call nor an errno that the course knows; the calls are %s",
			"в %q нет ни вызова, ни errno, которые курс знает; вызовы: %s"), text, strings.Join(explain.Calls(), " "))
	}
	causes := explain.Find(call, errno)
	for _, c := range causes {
		fmt.Printf("%s: %s (%v)\n", c.Call, say.Bad(unix.ErrnoName(c.Errno)), c.Errno)
		fmt.Println(say.Hang("  ", c.In(prose.Lang())))
		if c.Proof == "" {
			continue
		}
		s, l, err := proofOf(t, c.Proof)
		if err != nil {
			return err
		}
		fmt.Println(say.Hang("  ", fmt.Sprintf(say.T("shown by proof %s, %s", "показано в доказательстве %s, %s"), s.Number, s.Title)))
		fmt.Println(say.Dim(fmt.Sprintf("  ONLY=%s make lesson-%02d", s.ID, l.Number)))
	}
	switch {
	case len(causes) > 0:
		return nil
	case call == "":
		return fmt.Errorf(say.T("%s (%v): name the call too; the calls are %s", "%s (%v): назовите и вызов; вызовы: %s"),
			unix.ErrnoName(errno), errno, strings.Join(explain.Calls(), " "))
	default:
		return fmt.Errorf(say.T("no proof of the course meets %s from %s; its manual page has all of them: man 2 %[2]s",
			"ни одно доказательство курса не получает %s от %s; все ошибки есть на его странице: man 2 %[2]s"), unix.ErrnoName(errno), call)
	}
}

// proofOf finds a proof by its name in the table, "03:pivot-refuses", in the reader's language.
func proofOf(t tree.Tree, name string) (prose.Section, tree.Lesson, error) {
	number, id, _ := strings.Cut(name, ":")
	l, err := t.Lesson(number)
	if err != nil {
		return prose.Section{}, l, err
	}
	text, err := os.ReadFile(filepath.Join(t.Dir("lessons", l), prose.File("README.md", prose.Lang())))
	if err != nil {
		return prose.Section{}, l, err
	}
	sections, err := prose.Parse(text)
	if err != nil {
		return prose.Section{}, l, err
	}
	for _, s := range sections {
		if s.Kind == "proof" && s.ID == id {
			return s, l, nil
		}
	}
	return prose.Section{}, l, fmt.Errorf("lesson %s has no proof %q", number, id)
}
