package main

import "os"

func fill(path string) {
	f, err := os.Create(path)
	if err != nil {
		os.Exit(1)
	}
	for chunk := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(chunk)
	}
}
