// Command pupils makes a class for the grader to grade, right, wrong and hostile, and says
// whether each got what it deserves. The hostile ones are for the lab: run none by hand.
//
//	go run ./shared/course/pupils DIR              make it
//	make grade-03 DIR=DIR OUT=grades.csv
//	go run ./shared/course/pupils DIR grades.csv   compare
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"mydocker.example/shared/course/internal/pupils"
	"mydocker.example/shared/course/internal/tree"
)

func main() {
	if err := class(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pupils:", err)
		os.Exit(1)
	}
}

func class(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: pupils DIR [grades.csv]")
	}
	t, err := tree.Find()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if _, err := os.Stat(args[0]); err == nil {
			return fmt.Errorf("%s is there already; name a folder that is not", args[0])
		}
		all, err := pupils.Make(t, args[0])
		for _, p := range all {
			fmt.Printf("%-22s %-8s %4d  %s\n", p.Name, p.Status, p.Points, p.What)
		}
		return err
	}
	scratch, err := os.MkdirTemp("", "pupils-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	all, err := pupils.Make(t, scratch) // for the list of them
	if err != nil {
		return err
	}
	complaints, err := pupils.Compare(all, args[1])
	if err == nil && len(complaints) > 0 {
		err = errors.New(strings.Join(complaints, "\n"))
	}
	if err == nil {
		fmt.Printf("each of %d got what it deserves\n", len(all))
	}
	return err
}
