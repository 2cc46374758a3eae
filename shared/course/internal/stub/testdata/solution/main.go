package main

import (
	"fmt"
	"os"
)

func main() {
	if _, err := load("x"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, _, _, _, _, err := all(); err != nil {
		os.Exit(1)
	}
	fmt.Println(each(nil))
}
