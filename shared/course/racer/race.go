// Racer times ways to run `true` in a container, from their start to their exit, in turn:
// what disturbs one round disturbs all of them, and ratios of the medians hold where
// milliseconds do not. It runs where the containers do: `make bench` takes it to the lab.
//
//	racer ROUNDS WHERE MYDOCKER [ARG...]    ARG: of mydocker run
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

func main() {
	if err := race(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "racer:", err)
		os.Exit(1)
	}
}

func race(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: racer ROUNDS WHERE MYDOCKER [ARG...]")
	}
	rounds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/run", "racer-") // not on a disk
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ways, done, err := containers(dir, args[2], args[3:])
	if err != nil {
		return err
	}
	defer done()
	results, err := run(ways, rounds)
	if err != nil {
		return err
	}
	print(os.Stdout, args[1], results)
	return nil
}

// A way is one of them. command makes a fresh command for a round.
type way struct {
	name    string
	command func(round int) *exec.Cmd
	filter  bool // with a seccomp filter
}

// A result is a way and how long it took, shortest first.
type result struct {
	way
	took []time.Duration
}

// median is the one in the middle.
func (r result) median() time.Duration { return r.took[len(r.took)/2] }

// run runs each way once for warmth, and then rounds times, in turn. A way that does not
// work on this machine is said so, and left out.
func run(ways []way, rounds int) (results []result, err error) {
	for _, w := range ways {
		if _, err := time1(w, 0); err != nil {
			fmt.Fprintln(os.Stderr, "left out:", err)
			continue
		}
		results = append(results, result{way: w})
	}
	for round := range rounds {
		for i := range results {
			took, err := time1(results[i].way, round+1)
			if err != nil {
				return nil, err
			}
			results[i].took = append(results[i].took, took)
		}
	}
	for i := range results {
		slices.Sort(results[i].took)
	}
	return results, nil
}

// time1 is one start, and one exit.
func time1(w way, round int) (time.Duration, error) {
	cmd := w.command(round)
	var said bytes.Buffer
	cmd.Stderr = &said
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", w.name, err, bytes.TrimSpace(said.Bytes()))
	}
	return took, nil
}

// print writes the table: medians, their ratios to the first way, and how many times as
// fast as runc and crun mydocker is.
func print(out io.Writer, where string, results []result) {
	fmt.Fprintf(out, "%-34s %9s %9s %9s %7s\n", where, "min ms", "median ms", "max ms", "ratio")
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for _, r := range results {
		name := r.name
		if r.filter {
			name += ", with seccomp"
		}
		fmt.Fprintf(out, "%-34s %9.1f %9.1f %9.1f %7.2f\n", name, ms(r.took[0]), ms(r.median()), ms(r.took[len(r.took)-1]),
			float64(r.median())/float64(results[0].median()))
	}
	ours := results[len(results)-1]
	for _, r := range results {
		if r.name == "runc" || r.name == "crun" {
			fmt.Fprintf(out, "mydocker takes %.2f of the time of %s: %.1f times as fast\n",
				float64(ours.median())/float64(r.median()), r.name, float64(r.median())/float64(ours.median()))
		}
	}
}
