package main

import (
	"slices"
	"testing"
)

func TestParseNSpid(t *testing.T) {
	for status, want := range map[string][]int{
		"Name:\tsh\nNSpid:\t4711\t7\nNSpgid:\t1\n": {4711, 7},
		"NSpid:\t1\n": {1},
		"NSpid:\t\n":  nil,
	} {
		got, err := parseNSpid(status)
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("parseNSpid(%q) = %v, %v, want %v", status, got, err, want)
		}
	}
	for _, status := range []string{"", "Name:\tNSpid: 1\n", "NSpid:\tx\n"} {
		if got, err := parseNSpid(status); err == nil {
			t.Errorf("parseNSpid(%q) = %v, want an error", status, got)
		}
	}
}
