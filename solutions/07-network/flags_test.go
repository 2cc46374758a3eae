package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	for _, test := range []struct{ line, want, err string }{
		{"-dit web", "dit n= l=[] web", ""},
		{"-it -d", "dit n= l=[]", ""},
		{"-dn5 a b", "d n=5 l=[] a b", ""},
		{"-dn 5 a", "d n=5 l=[] a", ""},
		{"-n=5", " n=5 l=[]", ""},
		{"--num=5 a", " n=5 l=[] a", ""},
		{"--num -1", " n=-1 l=[]", ""}, // the flag says what it thinks of it
		{"-l a -l b=c --list d", " n= l=[a b=c d]", ""},
		{"a -d b", "d n= l=[] a b", ""},
		{"a -- -d", " n= l=[] a -d", ""},
		{"- -d", "d n= l=[] -", ""},
		{"-d=false -i=true", "i n= l=[]", ""},
		{"-dxt", "", "unknown flag -x in -dxt"},
		{"-x", "", "unknown flag -x"},
		{"--nosuch=1", "", "unknown flag --nosuch"},
		{"-n", "", "-n needs a value, N"},
		{"-d=maybe", "", "-d"},
	} {
		var d, i, tty bool
		var n string
		var l []string
		f := newFlags("run")
		f.on(&d, "-d", "")
		f.on(&i, "-i", "")
		f.on(&tty, "-t", "")
		f.text(&n, "-n --num", "N", "")
		f.list(&l, "-l --list", "WORD", "")
		rest, err := f.parse(strings.Fields(test.line))
		if err != nil || test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: error %v, want %q", test.line, err, test.err)
			}
			continue
		}
		var got strings.Builder
		for _, s := range []struct {
			on     bool
			letter string
		}{{d, "d"}, {i, "i"}, {tty, "t"}} {
			if s.on {
				got.WriteString(s.letter)
			}
		}
		got.WriteString(" n=" + n + " l=[" + strings.Join(l, " ") + "]")
		if len(rest) > 0 {
			got.WriteString(" " + strings.Join(rest, " "))
		}
		if got.String() != test.want {
			t.Errorf("%q: %q, want %q", test.line, got.String(), test.want)
		}
	}
}

func TestFlagsEndWhereTheCommandBegins(t *testing.T) {
	for line, want := range map[string]string{
		"-d ls -d --name":   "ls -d --name",
		"-d -- ls -d":       "ls -d",
		"web -d ls -l -d":   "web ls -l -d",
		"-d web":            "web",
		"-d web -- ls -- x": "web ls -- x",
	} {
		var d bool
		f := newFlags("exec")
		f.on(&d, "-d", "")
		n := 1
		if strings.Contains(line, "web") {
			n = 2
		}
		rest, err := f.parseUntil(n, strings.Fields(line))
		if err != nil || !d || !slices.Equal(rest, strings.Fields(want)) {
			t.Errorf("%q: %q, %v", line, rest, err)
		}
	}
}
