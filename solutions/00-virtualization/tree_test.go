package main

import (
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 1 0 -1 4194560 119 0 0 0 0 0 0 0 20 0 1 0 4711 2600960 245\n"
	for _, name := range []string{"init", "two words", ") S 1 (", "a) R (b", ")"} {
		p, err := parseStat("42 (" + name + ") S 7" + tail)
		if err != nil || p != (process{pid: 42, parent: 7, name: name}) {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, bad := range []string{"", "42", "42 (init", "42 init S 1", "x (init) S 1 1", "42 (init) S", "42 (init) S x"} {
		if p, err := parseStat(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func TestPrintTree(t *testing.T) {
	var out strings.Builder
	err := printTree(&out, []process{{1, 0, "init"}, {2, 0, "kthreadd"}, {3, 2, "kworker"}, {40, 1, "a"}, {41, 40, ") R 1 ("}, {50, 1, "b"}})
	const want = "1 init\n  40 a\n    41 ) R 1 (\n  50 b\n2 kthreadd\n  3 kworker\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestNotStarted(t *testing.T) {
	_, err := start([]string{"no-such-command-at-all"})
	if code := notStarted(err).ExitStatus(); code != 127 {
		t.Errorf("%v: %d", err, code)
	}
	_, err = start([]string{"/etc/passwd"})
	if code := notStarted(err).ExitStatus(); code != 126 {
		t.Errorf("%v: %d", err, code)
	}
	if _, err := start(nil); err == nil {
		t.Error("no command is no error")
	}
}
