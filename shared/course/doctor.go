package main

import (
	"context"
	"fmt"
	"slices"

	"mydocker.example/shared/course/internal/doctor"
	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/course/internal/tree"
)

// examine says what this machine has and lacks for the course, or with a number what it lacks
// to stand in for the lab in that lesson. Only what cannot be done without makes it end with 1.
func examine(ctx context.Context, t tree.Tree, args []string) error {
	if len(args) == 0 {
		return findings(doctor.Examine(ctx, doctor.Here, t))
	}
	l, err := oneLesson(t, args)
	if err != nil {
		return err
	}
	fmt.Printf(say.T("to run lesson %s on this machine itself, LAB=host make lesson-%02d:\n", "чтобы пройти урок %s на самой этой машине, LAB=host make lesson-%02d:\n"), l.Name, l.Number)
	err = findings(doctor.ForHost(ctx, doctor.Here, t, l))
	if slices.Contains(doctor.Hurts, l.Number) {
		fmt.Println(say.T("Some of its proofs could hurt a machine that somebody needs. LAB=host refuses them and names them;\nONLY= chooses others. In the lab nothing of this is needed.",
			"Часть его доказательств может повредить машине, которая кому-то нужна. LAB=host откажется от них и назовёт их;\nONLY= выберет другие. В лаборатории ничего этого не нужно."))
	}
	return err
}

func findings(list []doctor.Finding) (err error) {
	for _, f := range list {
		word := say.Good(say.T("ok     ", "есть   "))
		switch {
		case !f.OK && f.Needed:
			word, err = say.Bad(say.T("MISSING", "НЕТ    ")), exit(1)
		case !f.OK:
			word = say.Dim(say.T("without", "без    "))
		}
		fmt.Printf("%s  %-20s %s\n", word, f.Name, f.Found)
		if !f.OK && f.Mend != "" {
			fmt.Printf("%30s→ %s\n", "", f.Mend)
		}
	}
	return err
}
