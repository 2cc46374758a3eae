package main

import (
	"context"
	"fmt"

	"mydocker.example/shared/course/internal/doctor"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// examine says what this machine has and lacks for the course. Only what the course cannot
// do without makes it end with 1.
func examine(ctx context.Context, t tree.Tree, _ []string) error {
	var err error
	for _, f := range doctor.Examine(ctx, t) {
		word := say.Good(say.T("ok     ", "есть   "))
		switch {
		case !f.OK && f.Needed:
			word, err = say.Bad(say.T("MISSING", "НЕТ    ")), exit(1)
		case !f.OK:
			word = say.Dim(say.T("without", "без    "))
		}
		fmt.Printf("%s  %-16s %s\n", word, f.Name, f.Found)
		if !f.OK && f.Mend != "" {
			fmt.Printf("%27s%s\n", "", f.Mend)
		}
	}
	return err
}
